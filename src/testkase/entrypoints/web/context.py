"""What the frame around every page shows: the viewer, where they may go, and the balance while AI is on."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from testkase.core.access import Action
from testkase.core.ledger.current import current_balance
from testkase.core.ledger.queries import Balance
from testkase.entrypoints.web.tickets import live_ticket
from testkase.entrypoints.web.told import told_to
from testkase.entrypoints.web.viewer import Viewer
from testkase.services.live import LIFE_SECONDS
from testkase.services.organizations.tenancy import run_here


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Facts for the navigation bar."""

    viewer: Viewer
    balance: Balance
    may_manage_keys: bool
    may_manage_webhooks: bool
    may_view_billing: bool
    ticket: str
    """For the page's stream; it lives `ticket_seconds`."""
    ticket_seconds: int = LIFE_SECONDS

    @property
    def ai_on(self) -> bool:
        return self.balance.ai_enabled


def layout(request: HttpRequest) -> dict[str, Any]:
    """Context for every template. Outside a member's page (sign-in, errors) there is no frame."""
    facts: dict[str, Any] = {
        "csp_nonce": getattr(request, "csp_nonce", ""),
        "zone": timezone.get_current_timezone_name(),
    }
    viewer = getattr(request, "viewer", None)
    if viewer is not None and getattr(request, "tenant_open", False):
        # Parts of a page have no frame: it is read only where a template asks for it.
        frame = SimpleLazyObject(lambda: frame_of(request, viewer))
        facts["frame"] = frame
        facts["told"] = SimpleLazyObject(lambda: told_to(viewer, frame.balance))
    return facts


def frame_of(request: HttpRequest, viewer: Viewer) -> Frame:
    """The frame, from the live balance."""
    balance = run_here(current_balance(viewer.org_id))
    return Frame(
        viewer=viewer,
        balance=balance,
        may_manage_keys=viewer.can(Action.MANAGE_API_KEYS),
        may_manage_webhooks=viewer.can(Action.MANAGE_WEBHOOKS),
        may_view_billing=viewer.can(Action.VIEW_BILLING),
        ticket=live_ticket(request, viewer),
    )
