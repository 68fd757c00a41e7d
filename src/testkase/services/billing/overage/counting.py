"""Money of a bill that went back in another currency than it was paid in: what of the payment it is, staff say."""

from testkase.core.ledger.calendar import to_micros
from testkase.core.pricing.money import money
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import InvalidInput
from testkase.services.audit import Activity, Actor
from testkase.services.billing import words
from testkase.services.billing.model import Bill
from testkase.services.billing.overage.allowing import bill_by_id
from testkase.services.billing.overage.collecting import follow_the_money
from testkase.services.billing.purchasing.counting import found_in_another_currency
from testkase.services.billing.purchasing.fulfilment import Facts
from testkase.services.billing.settings import SQL as PAYMENTS
from testkase.services.billing.settings import settings_locked


def count_back_of_bill(
    org_id: int, bill_id: str, *, thing_id: str, amount: int, reason: str, actor: Actor
) -> Operation[Bill]:
    """Count a refund or dispute in another currency as `amount` minor units of the bill's own: where all of its payment
    is gone then, it is to be paid again. The same again changes nothing. Recorded. Needs the organization's context.
    Raises NotFound, InvalidInput."""
    yield from settings_locked(org_id)  # before the bill, as whoever hears of money does
    bill = yield from bill_by_id(org_id, bill_id, lock=True)
    if not 0 <= amount <= bill.amount:
        most = money(bill.amount, bill.currency)
        raise InvalidInput(f"What went back is at least nothing and at most {most}.", field="amount")
    before, count = yield from found_in_another_currency(org_id, bill_id, bill.currency, thing_id)
    (clock,) = yield Statement(PAYMENTS["now"])
    turn = f".{to_micros(clock['now'])}"
    if before != amount:
        yield Statement(count, {"org_id": org_id, "thing_id": thing_id, "amount": amount})
        details = {"amount": money(amount, bill.currency), "reason": reason, "bill": bill_id}
        said = Activity(action="refund.counted", actor=actor, details=details)
        yield from words.recorded(org_id, said, event_id=f"refund.counted:{thing_id}{turn}")
    for row in (yield Statement(PAYMENTS["payments"], {"org_id": org_id, "target_id": bill_id})):
        bill, _ = yield from follow_the_money(org_id, bill_id, row["payment_id"], Facts(), counted_at=turn)
    return bill
