"""What a payment, its refunds and its disputes come to, in whatever order and however often they are heard of.

Pure. Everything we hear is a snapshot of some moment, and a later one may arrive first: so each thing moves forward
only, along a rank of its own, and what follows for the credits is computed from where all of them stand (P9, P10).
"""

from collections.abc import Collection, Mapping
from typing import Literal, TypeVar

from msgspec.structs import replace

from testkase.core.ledger.credits import MICRO
from testkase.services.billing.provider import Dispute, Payment, PaymentStatus, Refund

Verdict = Literal["waiting", "granted", "surplus", "mismatch"]
"""What we make of a payment: not taken (yet); the one that paid for its purchase; a second one beside it, which the
provider sends back; one that is not what was ordered."""

_PAYMENT_RANK = {"created": 0, "failed": 1, "authorized": 2, "captured": 3, "refunded": 4}
"""A failed payment may still be authorized, hours later; a captured one never becomes anything but refunded."""

_REFUND_RANK = {"pending": 0, "processed": 1, "failed": 2}

_PHASE_RANK = {"fraud": 0, "retrieval": 1, "chargeback": 2, "pre_arbitration": 3, "arbitration": 4}
_DISPUTE_RANK = {"open": 0, "under_review": 1, "closed": 2, "won": 3, "lost": 4}

_HUNDREDTH = MICRO // 100

_BackT = TypeVar("_BackT", Refund, Dispute)
_Thing = TypeVar("_Thing", Payment, Refund, Dispute)


def rank(thing: Payment | Refund | Dispute) -> tuple[int, int]:
    """How far it has come; what is heard of it moves this up or changes nothing."""
    if isinstance(thing, Payment):
        return (_PAYMENT_RANK[thing.status], thing.amount_refunded)
    if isinstance(thing, Refund):
        return (_REFUND_RANK[thing.status], 0)
    return (_PHASE_RANK.get(thing.phase.replace("-", "_"), 0), _DISPUTE_RANK[thing.status])


def later(known: _Thing | None, heard: _Thing) -> _Thing:
    """Of two snapshots of one thing, the one that has come further; of equals the one heard of now."""
    return heard if known is None or rank(heard) >= rank(known) else known


def after_refunds(payment: Payment, refunds: Collection[Refund]) -> Payment:
    """A payment that was taken, as its refunds leave it: one that failed gave nothing back, whatever the payment said
    until then."""
    place = (payment.payment_id, payment.currency)
    back = _refunded([refund for refund in refunds if (refund.payment_id, refund.currency) == place])
    status: PaymentStatus = "refunded" if back >= payment.amount else "captured"
    return replace(payment, status=status, amount_refunded=back)


def is_what_was_ordered(payment: Payment, *, order_id: str, amount: int, currency: str) -> bool:
    """The order's own payment, over exactly its amount in its currency."""
    return payment.order_id == order_id and payment.amount == amount and payment.currency == currency


def returned(amount: int, refunds: Collection[Refund], disputes: Collection[Dispute]) -> int:
    """The money of a payment that has gone back, or is on its way, in minor units; at most all of it."""
    return min(amount, _refunded(refunds) + sum(_lost(dispute) for dispute in disputes))


def is_unclear(currency: str, refunds: Collection[Refund], disputes: Collection[Dispute]) -> bool:
    """Whether money went back, or is contested, in another currency than it was paid in: what of the payment that is
    nobody can say without a rate of exchange, and none is ever made up. Until staff have settled it, nothing moves."""
    back = any(refund.currency != currency and refund.status != "failed" for refund in refunds)
    return back or any(
        dispute.currency != currency and (is_contested([dispute]) or _lost(dispute)) for dispute in disputes
    )


def as_counted(currency: str, things: Collection[_BackT], counted: Mapping[str, int]) -> list[_BackT]:
    """Refunds or disputes, those in another currency at what staff have counted them as: `counted` names minor units of
    the payment by the thing's id. What becomes of the thing later is still the provider's to say."""
    return [
        _at(thing, currency, counted[_id_of(thing)])
        if thing.currency != currency and _id_of(thing) in counted
        else thing
        for thing in things
    ]


def _id_of(thing: Refund | Dispute) -> str:
    return thing.refund_id if isinstance(thing, Refund) else thing.dispute_id


def _at(thing: _BackT, currency: str, amount: int) -> _BackT:
    if isinstance(thing, Refund):
        return replace(thing, currency=currency, amount=amount)
    return replace(thing, currency=currency, amount=amount, amount_deducted=amount)


def missing(amount: int, taken: Collection[Payment], refunds: Collection[Refund], disputes: Collection[Dispute]) -> int:
    """What of a purchase's `amount` is not here any more, of all the payments that were taken for it."""
    kept = sum(payment.amount - _gone(payment, refunds, disputes) for payment in taken)
    return max(0, amount - kept)


def _gone(payment: Payment, refunds: Collection[Refund], disputes: Collection[Dispute]) -> int:
    return returned(
        payment.amount,
        [one for one in refunds if (one.payment_id, one.currency) == (payment.payment_id, payment.currency)],
        [one for one in disputes if (one.payment_id, one.currency) == (payment.payment_id, payment.currency)],
    )  # fmt: skip


def _refunded(refunds: Collection[Refund]) -> int:
    return sum(refund.amount for refund in refunds if refund.status != "failed")


def _lost(dispute: Dispute) -> int:
    """A lost dispute costs what was contested; one closed without a verdict, what the bank kept."""
    if dispute.status == "lost":
        return max(dispute.amount, dispute.amount_deducted)
    return dispute.amount_deducted if dispute.status == "closed" else 0


def is_contested(disputes: Collection[Dispute]) -> bool:
    """Whether a dispute is under way: until its end nobody knows whose the money is."""
    return any(dispute.status in ("open", "under_review") for dispute in disputes)


def clawed(credits: int, amount: int, money_returned: int) -> int:
    """The part of a purchase's credits that the returned money had paid for, in micro-credits: rounded down to a
    hundredth of a credit, in the organization's favour; all of them when all the money went back. Less than a hundredth
    buys nothing, and would stand in every balance from then on."""
    return credits if money_returned == amount else in_hundredths(credits * money_returned // amount)


def in_hundredths(credits: int) -> int:
    """Micro-credits without what is less than a hundredth of a credit."""
    return credits - credits % _HUNDREDTH
