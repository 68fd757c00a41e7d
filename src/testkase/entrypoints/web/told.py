"""What the frame around every page tells the viewer: the figure on the bell, and the banner while credits are low."""

from dataclasses import dataclass

from testkase.core.access import Action
from testkase.core.ledger.queries import Balance
from testkase.entrypoints.web.mailbox import mailbox_open
from testkase.entrypoints.web.viewer import Viewer
from testkase.services.notifications.banner import LowCredits, low_credits
from testkase.services.notifications.inbox import unread_count
from testkase.services.organizations.tenancy import run_here


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Facts for the bell, the banner and the account menu."""

    unread: int
    low: LowCredits | None
    may_buy: bool
    may_set_alerts: bool
    mailbox: bool
    """Whether the mailbox of a trial run is there for the viewer."""


def told_to(viewer: Viewer, balance: Balance) -> Told:
    """As it stands now."""
    return Told(
        unread=run_here(unread_count(viewer.org_id, viewer.user.pk)),
        low=run_here(low_credits(balance, viewer.user.pk)),
        may_buy=viewer.can(Action.BUY_CREDITS),
        may_set_alerts=viewer.can(Action.SET_ALERTS),
        mailbox=mailbox_open(viewer),
    )
