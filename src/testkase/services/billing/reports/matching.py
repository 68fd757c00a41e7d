"""The daily match report (B5): a day's payments at the provider beside ours, and whatever does not agree.

What can be put right is put right first: a payment of ours that was taken and never credited is looked at, and
credited, before it is counted, also where a restored database has forgotten its purchase. What is left needs a person:
payments of orders we do not know, amounts that differ, a second payment of one purchase.
"""

from datetime import UTC, date, datetime, time, timedelta

import msgspec

from testkase.core.pricing import PriceBooks
from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.problems import InvalidInput, Problem
from testkase.services.billing.errand import Errand, ask, do
from testkase.services.billing.model import Bill, Purchase, is_bill
from testkase.services.billing.overage.collecting import look_at_link
from testkase.services.billing.overage.replaced import owner_of_page
from testkase.services.billing.overage.surplus import keep_surplus
from testkase.services.billing.provider import Payment
from testkase.services.billing.purchasing.buying import look_at
from testkase.services.billing.purchasing.recovering import owner_of_order
from testkase.services.billing.purchasing.rows import WATCH, purchase_by_id
from testkase.services.billing.seller import Seller

MOST_CAUGHT_UP = 7
"""Days. Whoever was away for longer looks at the days before by hand."""

STILL_OPEN = 4
"""Days for which a payment that was made may still be decided, begun ones included."""


NEXT_STEPS = {
    "unknown order": "Look it up at the provider: give it back there, unless another system of yours took it.",
    "mismatch": "Ask the buyer, and give it back at the provider: it is not what was ordered.",
    "surplus": "Give it back at the provider: the same was paid before.",
    "not credited": "Compare the day again; where it stays, look at what the worker logs of it.",
}


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """One payment that does not agree. `kind`: `unknown order`, `mismatch`, `surplus`, `not credited`."""

    kind: str
    payment_id: str
    order_id: str | None
    amount: int
    currency: str
    refunded: int
    org_id: int | None = None
    purchase_id: str | None = None

    @property
    def next(self) -> str:
        """What a person does about it."""
        return NEXT_STEPS.get(self.kind, "")


class MatchReport(msgspec.Struct, frozen=True, kw_only=True):
    """One day in UTC. `taken`: minor units captured, by currency."""

    day: date
    made_at: datetime
    captured: int
    matched: int
    taken: dict[str, int]
    faults: tuple[Fault, ...]


_faults = msgspec.json.Decoder(tuple[Fault, ...]).decode
_taken = msgspec.json.Decoder(dict[str, int]).decode
_encode = msgspec.json.Encoder().encode


def match_day(day: date, seller: Seller, books: PriceBooks) -> Errand[MatchReport]:
    """Compare a day, put right what can be, and keep the report. Made again it takes the place of the one before.
    Raises InvalidInput for a day to come: with its report kept, no day before it would be compared any more."""
    if day > datetime.now(UTC).date():
        raise InvalidInput(f"{day} has not begun yet (UTC).", field="day")
    since = int(datetime.combine(day, time(), UTC).timestamp())
    until = since + int(timedelta(days=1).total_seconds())
    payments = yield from ask(lambda provider: provider.payments_between(since, until))
    captured = [payment for payment in payments if payment.captured]
    faults, taken = [], dict[str, int]()
    for payment in captured:
        taken[payment.currency] = taken.get(payment.currency, 0) + payment.amount
        fault = yield from _compare(payment, seller, books)
        faults += [fault] if fault is not None else []
    matched = len(captured) - len(faults)
    report = MatchReport(
        day=day, made_at=datetime.now(UTC), captured=len(captured), matched=matched, taken=taken, faults=tuple(faults)
    )
    yield from do(None, _keep(report))
    return report


def unmatched_days(last: date) -> Operation[list[date]]:
    """The days up to `last` that follow the newest report, at most a week of them; without any report, `last` alone.
    With them the days before that may have changed: a bank may say yes days after a payment was made."""
    newest = yield from match_reports(limit=1)
    if newest and newest[0].day >= last:
        return []
    first = newest[0].day + timedelta(days=1) - timedelta(days=STILL_OPEN) if newest else last
    first = max(first, last - timedelta(days=MOST_CAUGHT_UP - 1))
    return [first + timedelta(days=ahead) for ahead in range((last - first).days + 1)]


def match_reports(*, limit: int) -> Operation[list[MatchReport]]:
    """The newest reports. For staff: it names organizations."""
    rows = yield Statement(WATCH["reports"], {"limit": limit})
    return [_read(row) for row in rows]


def _compare(payment: Payment, seller: Seller, books: PriceBooks) -> Errand[Fault | None]:
    owner = (yield from owner_of_order(payment.order_id, books)) if payment.order_id else None
    owner = owner or (yield from owner_of_page(payment))
    if owner is None:
        return None if _went_back(payment) else _fault("unknown order", payment)
    org_id, target_id = owner
    try:
        if is_bill(target_id):
            bill = yield from look_at_link(org_id, target_id, seller)
            if bill.payment_id != payment.payment_id:
                yield from do(org_id, keep_surplus(bill, payment))
            return None if _agrees(bill, payment) else _fault("surplus", payment, owner)
        purchase = yield from do(org_id, purchase_by_id(org_id, target_id))
        if purchase.payment_id == payment.payment_id:
            return None
        looked = yield from look_at(purchase, seller)
    except Problem:
        return _fault("not credited", payment, owner)
    if looked.purchase.payment_id == payment.payment_id:
        return None
    kind = _kind(looked.purchase, payment, looked.mismatched)
    return None if kind != "not credited" and _went_back(payment) else _fault(kind, payment, owner)


def _agrees(bill: Bill, payment: Payment) -> bool:
    """A payment that was given back whole had paid a bill that is to be paid again, or came after another."""
    return bill.payment_id == payment.payment_id or _went_back(payment)


def _went_back(payment: Payment) -> bool:
    """All of it was given back, by the provider itself or by whoever did what the report said: it is settled, and
    nobody need look at it."""
    return payment.amount_refunded >= payment.amount


def _kind(purchase: Purchase, payment: Payment, mismatched: tuple[str, ...]) -> str:
    if payment.payment_id in mismatched:
        return "mismatch"
    return "surplus" if purchase.state == "paid" else "not credited"


def _fault(kind: str, payment: Payment, owner: tuple[int, str] | None = None) -> Fault:
    return Fault(
        kind=kind, payment_id=payment.payment_id, order_id=payment.order_id, amount=payment.amount,
        currency=payment.currency, refunded=payment.amount_refunded, org_id=owner[0] if owner else None,
        purchase_id=owner[1] if owner else None,
    )  # fmt: skip


def _keep(report: MatchReport) -> Operation[None]:
    row = {
        "day": report.day, "captured": report.captured, "matched": report.matched,
        "taken": _encode(report.taken).decode(), "faults": _encode(report.faults).decode(),
    }  # fmt: skip
    yield Statement(WATCH["keep_report"], row)


def _read(row: Row) -> MatchReport:
    return MatchReport(**{**row, "taken": _taken(row["taken"]), "faults": _faults(row["faults"])})
