"""The card that shows the switch: to the Owner with its form, to everybody else with whom to ask."""

from dataclasses import dataclass

from testkase.core.access import Action, OrganizationRole
from testkase.core.ledger.queries import Balance
from testkase.entrypoints.web.viewer import Viewer
from testkase.foundation.ids import new_id
from testkase.services.live.switching import switch_state
from testkase.services.organizations.models import User
from testkase.services.organizations.tenancy import run_here


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchCard:
    """Facts for `_switch.html` and `_switch_form.html`."""

    on: bool
    at: int | None
    """When it was last switched, microseconds; None: as it was when the organization began."""
    by: str | None
    open_calls: int
    may_switch: bool
    owner: str
    owner_email: str
    form_id: str


def switch_card(viewer: Viewer, balance: Balance) -> SwitchCard:
    """The card as the viewer may see it."""
    state = run_here(switch_state(viewer.org_id))
    owner = viewer.user if viewer.role == OrganizationRole.OWNER.value else _owner_of(viewer.org_id)
    return SwitchCard(
        on=balance.ai_enabled,
        at=state.at,
        by=state.by,
        open_calls=state.open_calls,
        may_switch=viewer.can(Action.SWITCH_AI),
        owner=owner.name,
        owner_email=owner.email,
        form_id=new_id("switch"),
    )


def _owner_of(org_id: int) -> User:
    return User.objects.get(memberships__organization=org_id, memberships__role=OrganizationRole.OWNER.value)
