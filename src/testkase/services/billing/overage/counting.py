"""Money of a bill that went back in another currency than it was paid in: what of the payment it is, staff say."""

from testkase.core.ledger.calendar import to_micros
from testkase.core.pricing.money import money
from testkase.foundation.database import Operation, Statement
from testkase.services.audit import Activity, Actor
from testkase.services.billing import words
from testkase.services.billing.errand import Errand, do
from testkase.services.billing.model import Bill
from testkase.services.billing.overage.allowing import bill_by_id
from testkase.services.billing.overage.collecting import follow_the_money
from testkase.services.billing.overage.replaced import close_page_of
from testkase.services.billing.purchasing.counting import check_counted, found_in_another_currency
from testkase.services.billing.purchasing.fulfilment import Facts
from testkase.services.billing.settings import SQL as PAYMENTS
from testkase.services.billing.settings import settings_locked


def count_back_of_bill(
    org_id: int, bill_id: str, *, thing_id: str, amount: int, reason: str, actor: Actor
) -> Errand[Bill]:
    """Count a refund or dispute in another currency as `amount` minor units of the bill's own: where all of its payment
    is gone then, it is to be paid again; where not, it is paid, and a page to pay on again is closed. The same again
    changes nothing. Recorded. Raises NotFound, InvalidInput."""
    counting = _counted(org_id, bill_id, thing_id=thing_id, amount=amount, reason=reason, actor=actor)
    before, after = yield from do(org_id, counting)
    if before.state != "paid" and after.state == "paid":
        yield from close_page_of(before)
    return after


def _counted(
    org_id: int, bill_id: str, *, thing_id: str, amount: int, reason: str, actor: Actor
) -> Operation[tuple[Bill, Bill]]:
    """The bill as it was, and as it is now."""
    yield from settings_locked(org_id)  # before the bill, as whoever hears of money does
    before = bill = yield from bill_by_id(org_id, bill_id, lock=True)
    check_counted(amount, bill)
    said, count = yield from found_in_another_currency(org_id, bill_id, bill.currency, thing_id)
    (clock,) = yield Statement(PAYMENTS["now"])
    turn = f".{to_micros(clock['now'])}"
    if said != amount:
        yield Statement(count, {"org_id": org_id, "thing_id": thing_id, "amount": amount})
        details = {"amount": money(amount, bill.currency), "reason": reason, "bill": bill_id}
        done = Activity(action="overage.counted", actor=actor, details=details)
        yield from words.recorded(org_id, done, event_id=f"overage.counted:{thing_id}{turn}")
    for row in (yield Statement(PAYMENTS["payments"], {"org_id": org_id, "target_id": bill_id})):
        bill, _ = yield from follow_the_money(org_id, bill_id, row["payment_id"], Facts(), counted_at=turn)
    return before, bill
