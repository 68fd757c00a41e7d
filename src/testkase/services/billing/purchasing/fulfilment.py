"""From what the provider says to credits: the one place where a payment becomes a grant, and a refund a claw-back.

Whoever reports (the browser's return, a webhook, the reconciler, staff), in whatever order and however often: all come
here with facts fetched from the provider. The purchase's row is locked, every fact moves forward only, and purchase,
payment, receipt and ledger entry are one transaction (P9, I8).
"""

from typing import Any

import msgspec
import structlog

from testkase.core.ledger import commands as ledger
from testkase.core.ledger.calendar import from_micros
from testkase.core.ledger.operations import execute_one
from testkase.core.ledger.queries import balance
from testkase.foundation.database import Operation, Statement
from testkase.services.billing import words
from testkase.services.billing.model import Purchase
from testkase.services.billing.provider import Dispute, Payment, Refund
from testkase.services.billing.purchasing import lifecycle
from testkase.services.billing.purchasing.rows import SQL as PURCHASES
from testkase.services.billing.purchasing.rows import WATCH, became_of, purchase_locked
from testkase.services.billing.purchasing.validity import lot_expiry
from testkase.services.billing.receipts import issue_receipt
from testkase.services.billing.seller import Seller
from testkase.services.billing.settings import SQL as PAYMENTS
from testkase.services.notifications.telling import notify

_log = structlog.get_logger(__name__)


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider says of one purchase: its attempts, and what was given back or is contested of them. Nothing
    said: what is known already is taken in once more."""

    payments: tuple[Payment, ...] = ()
    refunds: tuple[Refund, ...] = ()
    disputes: tuple[Dispute, ...] = ()


class Fulfilled(msgspec.Struct, frozen=True, kw_only=True):
    """Where the purchase stands now. `granted`: the credits came with this very call. `surplus` and `mismatched` name
    payments that were taken and paid for nothing here."""

    purchase: Purchase
    granted: bool = False
    surplus: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()
    unclear: bool = False
    """Money went back in another currency, and nobody has said yet what of the payment that is."""


def fulfil(org_id: int, purchase_id: str, facts: Facts, seller: Seller) -> Operation[Fulfilled]:
    """Take in what the provider says. Needs the organization's context. Raises PurchaseNotFound."""
    purchase = yield from purchase_locked(org_id, purchase_id)
    payments, verdicts = yield from _known_payments(purchase)
    granted = unclear = False
    for heard in sorted(facts.payments, key=lambda payment: (payment.created_at, payment.payment_id)):
        payment = lifecycle.later(payments.get(heard.payment_id), heard)
        verdict = _verdict(purchase, payment)
        if verdict == "granted" and purchase.state != "paid":
            purchase = yield from _grant(purchase, payment, seller)
            granted = True
        if payment != payments.get(payment.payment_id) or verdict != verdicts.get(payment.payment_id):
            yield from _keep(purchase, payment, verdict)
        if verdict in ("surplus", "mismatch") and verdicts.get(payment.payment_id) != verdict:
            _log.warning("a payment paid for nothing", org_id=org_id, purchase=purchase_id, verdict=verdict)
        payments[payment.payment_id], verdicts[payment.payment_id] = payment, verdict
    if purchase.state != "paid":
        purchase = yield from _remember_failure(purchase, payments)
    else:
        taken = [payments[found] for found, verdict in verdicts.items() if verdict in ("granted", "surplus")]
        purchase, unclear = yield from _take_back(purchase, taken, facts)
    return Fulfilled(
        purchase=purchase,
        granted=granted,
        surplus=tuple(sorted(found for found, verdict in verdicts.items() if verdict == "surplus")),
        mismatched=tuple(sorted(found for found, verdict in verdicts.items() if verdict == "mismatch")),
        unclear=unclear,
    )


def _known_payments(purchase: Purchase) -> Operation[tuple[dict[str, Payment], dict[str, lifecycle.Verdict]]]:
    rows = yield Statement(PAYMENTS["payments"], {"org_id": purchase.org_id, "target_id": purchase.purchase_id})
    verdicts = {row["payment_id"]: row.pop("verdict") for row in rows}
    return {row["payment_id"]: Payment(**row) for row in rows}, verdicts


def _verdict(purchase: Purchase, payment: Payment) -> lifecycle.Verdict:
    assert purchase.order_id is not None, "a payment is looked for once there is an order"
    if not lifecycle.is_what_was_ordered(
        payment, order_id=purchase.order_id, amount=purchase.amount, currency=purchase.currency
    ):
        return "mismatch"
    if not payment.captured:
        return "waiting"
    return "granted" if purchase.payment_id in (None, payment.payment_id) else "surplus"


def _keep(purchase: Purchase, payment: Payment, verdict: lifecycle.Verdict) -> Operation[None]:
    place = {"org_id": purchase.org_id, "target_id": purchase.purchase_id, "verdict": verdict}
    yield Statement(PAYMENTS["keep_payment"], {**msgspec.structs.asdict(payment), **place})


def _grant(purchase: Purchase, payment: Payment, seller: Seller) -> Operation[Purchase]:
    """The credits, into a lot of their own whose id is the payment's, and everything that says so."""
    org_id = purchase.org_id
    yield from execute_one(ledger.Touch(org_id=org_id))  # whatever month it is now has begun
    account = yield from balance(org_id)
    (clock,) = yield Statement(PAYMENTS["now"])
    expires_at = lot_expiry(purchase.validity, purchase.validity_months, account, clock["now"])
    issued = yield from execute_one(
        ledger.Grant(
            org_id=org_id, grant_id=payment.payment_id, amount=purchase.credits, source="purchase", paid=True,
            expires_at=expires_at, reference=purchase.purchase_id,
            asked=f"{purchase.purchase_id} {purchase.credits}".encode(),
        )
    )  # fmt: skip
    place = {"org_id": org_id, "purchase_id": purchase.purchase_id, "payment_id": payment.payment_id}
    yield Statement(PURCHASES["paid"], {**place, "lot_expires_at": expires_at})
    yield Statement(WATCH["unwatch"], {"org_id": org_id, "kind": "purchase", "target_id": purchase.purchase_id})
    paid = yield from purchase_locked(org_id, purchase.purchase_id)
    told = words.credits_added(
        paid, covered=issued.entry.deltas.debt, expires_at=expires_at, time_zone=account.time_zone
    )  # fmt: skip
    yield from notify(org_id, told)
    yield from issue_receipt(paid, payment, seller)
    yield from words.recorded(org_id, words.was_paid(paid), event_id=f"purchase.paid:{paid.purchase_id}")
    _log.info("paid", org_id=org_id, purchase=paid.purchase_id, lot_expires_at=expires_at and from_micros(expires_at))
    return paid


def _remember_failure(purchase: Purchase, payments: dict[str, Payment]) -> Operation[Purchase]:
    """The words about the newest attempt, where it failed: another may be under way and still succeed."""
    newest = max(payments.values(), key=lambda payment: (payment.created_at, payment.payment_id), default=None)
    failure = newest.failure[:300] if newest is not None and newest.status == "failed" else ""
    place = {"org_id": purchase.org_id, "purchase_id": purchase.purchase_id}
    yield Statement(PURCHASES["failed"], {**place, "failure": failure})
    return msgspec.structs.replace(purchase, failure=failure)


def _take_back(purchase: Purchase, taken: list[Payment], facts: Facts) -> Operation[tuple[Purchase, bool]]:
    """Bring what is taken back of the purchase's lot to where its refunds and disputes stand (P10): a target, not a
    step, so that it does not matter which of them was heard of first, or twice. Whoever paid twice and was given one
    payment back, whichever it was, has paid once. Answers also whether staff must say what went back."""
    place = {"org_id": purchase.org_id, "payment_ids": [payment.payment_id for payment in taken]}
    counted = {row["thing_id"]: row["amount"] for row in (yield Statement(PAYMENTS["counted_back"], place))}
    refunds = lifecycle.as_counted(purchase.currency, (yield from known_refunds(place, facts)), counted)
    for payment in taken:
        if (stands := lifecycle.after_refunds(payment, refunds)) != payment:
            yield Statement(PAYMENTS["given_back"], {"org_id": purchase.org_id, **msgspec.structs.asdict(stands)})
    disputes = lifecycle.as_counted(purchase.currency, (yield from known_disputes(place, facts)), counted)
    money = lifecycle.missing(purchase.amount, taken, refunds, disputes)
    clawed = lifecycle.clawed(purchase.credits, purchase.amount, money)
    own = [one for one in disputes if one.payment_id == purchase.payment_id]
    frozen = lifecycle.is_contested(own)
    if unclear := lifecycle.is_unclear(purchase.currency, refunds, disputes):
        _log.error("money went back in another currency", org_id=purchase.org_id, purchase=purchase.purchase_id)
        frozen = True
    # What was taken back to the micro-credit once stays so: nobody is told that less than a hundredth came back.
    if frozen == purchase.frozen and clawed in (purchase.clawed, lifecycle.in_hundredths(purchase.clawed)):
        return purchase, unclear
    why = words.why_reversed([refund for refund in refunds if refund.currency == purchase.currency], disputes)
    return (yield from _reverse(purchase, own, clawed=clawed, frozen=frozen, gone=money, why=why)), unclear


def _reverse(
    purchase: Purchase, disputes: list[Dispute], *, clawed: int, frozen: bool, gone: int, why: str
) -> Operation[Purchase]:
    org_id, number = purchase.org_id, purchase.reversals + 1
    moved = yield from execute_one(
        ledger.Reverse(
            org_id=org_id, reversal_id=f"{purchase.purchase_id}.{number}", grant_id=purchase.payment_id or "",
            clawed=clawed, frozen=frozen, note=why,
        )
    )  # fmt: skip
    place = {"org_id": org_id, "purchase_id": purchase.purchase_id}
    yield Statement(PURCHASES["reversed"], {**place, "clawed": clawed, "frozen": frozen})
    account = yield from balance(org_id)
    after = yield from purchase_locked(org_id, purchase.purchase_id)
    became = yield from became_of(org_id, purchase.payment_id or "")
    late = became.expired_before(max(clawed, purchase.clawed))
    late -= became.expired_before(clawed) if clawed < purchase.clawed else 0
    deltas = moved.entry.deltas
    told = words.credits_taken_back(
        purchase, after, disputes, gone=gone, back=deltas.available, expired=deltas.expired, late=late,
        debt=account.debt,
    )  # fmt: skip
    yield from notify(org_id, told)
    event_id = f"purchase.reversed:{purchase.purchase_id}.{number}"
    yield from words.recorded(org_id, words.was_reversed(purchase, after, disputes), event_id=event_id)
    return after


def known_refunds(place: dict[str, Any], facts: Facts) -> Operation[list[Refund]]:
    """Refunds of payments that were taken, `payment_ids` of an `org_id`: those on record, as far as they have come."""
    rows = yield Statement(PAYMENTS["refunds"], place)
    known = {row["refund_id"]: Refund(**row) for row in rows}
    for heard in facts.refunds:
        refund = lifecycle.later(known.get(heard.refund_id), heard)
        if heard.payment_id in place["payment_ids"] and refund != known.get(heard.refund_id):
            known[heard.refund_id] = refund
            yield Statement(PAYMENTS["keep_refund"], {"org_id": place["org_id"], **msgspec.structs.asdict(refund)})
    return list(known.values())


def known_disputes(place: dict[str, Any], facts: Facts) -> Operation[list[Dispute]]:
    """The same of disputes."""
    rows = yield Statement(PAYMENTS["disputes"], place)
    known = {row["dispute_id"]: Dispute(**row) for row in rows}
    for heard in facts.disputes:
        dispute = lifecycle.later(known.get(heard.dispute_id), heard)
        if heard.payment_id in place["payment_ids"] and dispute != known.get(heard.dispute_id):
            known[heard.dispute_id] = dispute
            yield Statement(PAYMENTS["keep_dispute"], {"org_id": place["org_id"], **msgspec.structs.asdict(dispute)})
    return list(known.values())
