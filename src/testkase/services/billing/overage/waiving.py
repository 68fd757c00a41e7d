"""Letting a bill go, by staff: nobody is to pay it any more, and use beyond the balance can be allowed again."""

import structlog

from testkase.core.pricing.money import money
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import Conflict
from testkase.services.audit import Activity, Actor
from testkase.services.billing import words
from testkase.services.billing.errand import Errand, do
from testkase.services.billing.model import Bill
from testkase.services.billing.overage.allowing import SQL, bill_by_id
from testkase.services.billing.overage.collecting import look_at_link
from testkase.services.billing.overage.replaced import close_page_of
from testkase.services.billing.provider import ProviderRefused
from testkase.services.billing.purchasing.rows import WATCH
from testkase.services.billing.seller import Seller
from testkase.services.notifications.telling import notify

_log = structlog.get_logger(__name__)


def waive(org_id: int, bill_id: str, *, reason: str, actor: Actor, seller: Seller) -> Errand[Bill]:
    """Let a bill go that is to be paid; its page is closed. The same again changes nothing. Recorded, and its Owner is
    told. The provider is asked first: one that was paid is not let go. What comes on its page all the same is a surplus
    in the match report. Raises NotFound, Conflict where it is paid, ProviderSilent."""
    try:
        yield from look_at_link(org_id, bill_id, seller)
    except ProviderRefused:  # a page of an account that is not used any more: nobody pays on it
        _log.warning("the page of a bill that is waived could not be looked at", org_id=org_id, bill=bill_id)
    before, after = yield from do(org_id, _waived(org_id, bill_id, reason, actor))
    yield from close_page_of(before)
    return after


def _waived(org_id: int, bill_id: str, reason: str, actor: Actor) -> Operation[tuple[Bill, Bill]]:
    """The bill as it was, and as it is now."""
    bill = yield from bill_by_id(org_id, bill_id, lock=True)
    if bill.state == "paid":
        raise Conflict("The bill is paid. Give its payment back at the provider; then it can be waived.")
    if bill.state == "waived":
        return bill, bill
    yield Statement(SQL["bill_waived"], {"org_id": org_id, "bill_id": bill_id})
    yield Statement(WATCH["unwatch"], {"org_id": org_id, "kind": "bill", "target_id": bill_id})
    after = yield from bill_by_id(org_id, bill_id)
    yield from notify(org_id, words.bill_was_waived(after, overdue=bill.state == "unpaid"))
    details = {"price": money(bill.amount, bill.currency), "bill": bill_id, "reason": reason}
    done = Activity(action="overage.waived", actor=actor, details=details)
    yield from words.recorded(org_id, done, event_id=f"overage.waived:{bill_id}")
    return bill, after
