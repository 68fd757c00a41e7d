"""Payments of a bill, one by one: those that paid it, and those that came when it was settled already.

Such a one pays for nothing, and is money of theirs until it is given back: it is kept, so that its people see it beside
the bill, as they see a second payment of a purchase.
"""

from functools import partial

import msgspec

from testkase.foundation.database import Operation, Statement
from testkase.services.billing.errand import Errand, ask, do
from testkase.services.billing.model import Bill
from testkase.services.billing.overage.allowing import SQL, bill_by_id
from testkase.services.billing.overage.replaced import fetch_payment, pays
from testkase.services.billing.provider import Payment
from testkase.services.billing.purchasing import lifecycle
from testkase.services.billing.purchasing.fulfilment import Facts, known_disputes, known_refunds
from testkase.services.billing.purchasing.rows import SQL as PURCHASES
from testkase.services.billing.purchasing.rows import Attempt, attempts_at, attempts_of
from testkase.services.billing.settings import SQL as PAYMENTS

NOTHING_SAID = Facts()


class BillPayment(msgspec.Struct, frozen=True, kw_only=True):
    """A payment of a bill, and the number of its receipt where it paid it. `paid_by`: the payment that pays the bill
    now."""

    attempt: Attempt
    receipt: str | None
    paid_by: str | None

    @property
    def is_surplus(self) -> bool:
        """It paid for nothing."""
        return self.attempt.verdict != "granted" or self.stays

    @property
    def stays(self) -> bool:
        """It had paid the bill, its money went back, and another paid the bill; then the money did not go back after
        all, as its refund failed."""
        granted = self.attempt.verdict == "granted"
        return granted and self.paid_by not in (None, self.attempt.payment_id) and not self.is_back

    @property
    def is_back(self) -> bool:
        """All of it went back."""
        return self.attempt.went_back >= self.attempt.amount


def bill_payments(org_id: int, bill_ids: list[str]) -> Operation[dict[str, tuple[BillPayment, ...]]]:
    """The payments of each of some bills, oldest first; those without are left out."""
    attempts = yield from attempts_of(org_id, bill_ids)
    rows = (yield Statement(PAYMENTS["receipts_of"], {"org_id": org_id, "targets": bill_ids})) if attempts else []
    numbers = {(row["target_id"], row["payment_id"]): row["number"] for row in rows}
    payers = (yield Statement(SQL["paid_by"], {"org_id": org_id, "bill_ids": bill_ids})) if attempts else []
    paid_by = {row["bill_id"]: row["payment_id"] for row in payers}
    return {
        bill_id: tuple(
            BillPayment(attempt=one, receipt=numbers.get((bill_id, one.payment_id)), paid_by=paid_by.get(bill_id))
            for one in tried
        )
        for bill_id, tried in attempts.items()
    }


def keep_surplus(bill: Bill, payment: Payment, facts: Facts = NOTHING_SAID) -> Operation[None]:
    """Keep a payment that came to a settled bill, as far as it has come, what went back of it, and where its reports
    belong to. One that had paid the bill before stays what it was."""
    bill = yield from bill_by_id(bill.org_id, bill.bill_id, lock=True)
    place = {"org_id": bill.org_id, "target_id": bill.bill_id}
    known = {row["payment_id"]: row["verdict"] for row in (yield Statement(PAYMENTS["payments"], place))}
    verdict = known.get(payment.payment_id)
    if verdict == "granted" or (verdict is None and not bill.is_settled):
        return
    said: lifecycle.Verdict = "surplus" if pays(bill, payment) else "mismatch"
    yield Statement(PAYMENTS["keep_payment"], {**msgspec.structs.asdict(payment), **place, "verdict": said})
    if payment.order_id is not None:
        yield Statement(PURCHASES["route"], {"ref": payment.order_id, **place})
    its_own = {"org_id": bill.org_id, "payment_ids": [payment.payment_id]}
    yield from known_refunds(its_own, facts)
    yield from known_disputes(its_own, facts)


def renew_surplus(bill: Bill, payment_id: str, facts: Facts) -> Errand[bool]:
    """Keep what became of a payment that is kept as one of these; False for any other. Also while the bill is to be
    paid again: gone back by then, it does not pay it."""
    kept = yield from do(bill.org_id, attempts_at(bill.org_id, bill.bill_id))
    if not any(one.payment_id == payment_id and one.verdict != "granted" for one in kept):
        return False
    payment = yield from ask(partial(fetch_payment, payment_id))
    yield from do(bill.org_id, keep_surplus(bill, payment, facts))
    return True
