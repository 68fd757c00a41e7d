"""Money that went back in another currency than it was paid in: what of the payment it is, staff say, and nobody else.

No rate of exchange is made up, so the lot stays frozen until then. What staff say is kept beside the refund or dispute
and holds whatever is heard of that later: one that is won after all takes nothing, and another amount is said again.
"""

from typing import Any, LiteralString

from testkase.core.pricing.money import money
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import InvalidInput
from testkase.services.audit import Activity, Actor
from testkase.services.billing import words
from testkase.services.billing.model import Bill, Purchase
from testkase.services.billing.purchasing.fulfilment import Facts, Fulfilled, fulfil
from testkase.services.billing.purchasing.refunding import NotPaid
from testkase.services.billing.purchasing.rows import purchase_locked
from testkase.services.billing.seller import Seller
from testkase.services.billing.settings import SQL as PAYMENTS


def count_back(
    org_id: int, purchase_id: str, *, thing_id: str, amount: int, reason: str, actor: Actor, seller: Seller
) -> Operation[Fulfilled]:
    """Count a refund or dispute in another currency as `amount` minor units of the purchase's own: its credits follow
    at once, and the lot thaws where nothing else holds it. The same again changes nothing. Recorded. Needs the
    organization's context. Raises PurchaseNotFound, NotPaid, InvalidInput."""
    purchase = yield from purchase_locked(org_id, purchase_id)
    if purchase.payment_id is None:
        raise NotPaid("Nothing was paid for this purchase, so nothing can have gone back.")
    check_counted(amount, purchase)
    before, count = yield from found_in_another_currency(org_id, purchase_id, purchase.currency, thing_id)
    if before != amount:
        yield Statement(count, {"org_id": org_id, "thing_id": thing_id, "amount": amount})
        details = {"amount": money(amount, purchase.currency), "reason": reason, "purchase": purchase_id}
        said = Activity(action="refund.counted", actor=actor, target=purchase.bundle_name, details=details)
        yield from words.recorded(org_id, said, event_id=f"refund.counted:{thing_id}.{amount}.{purchase.reversals}")
    return (yield from fulfil(org_id, purchase_id, Facts(), seller))


def check_counted(amount: int, sold: Purchase | Bill) -> None:
    """No more can have gone back than was paid. Raises InvalidInput."""
    if not 0 <= amount <= sold.amount:
        most = money(sold.amount, sold.currency)
        raise InvalidInput(f"What went back is at least nothing and at most {most}.", field="amount")


def found_in_another_currency(
    org_id: int, target_id: str, currency: str, thing_id: str
) -> Operation[tuple[int | None, LiteralString]]:
    """What a refund or dispute of a purchase or bill was counted as until now, and the statement that counts it. Raises
    InvalidInput."""
    paid = yield Statement(PAYMENTS["payments"], {"org_id": org_id, "target_id": target_id})
    place: dict[str, Any] = {"org_id": org_id, "payment_ids": [row["payment_id"] for row in paid]}
    counted = {row["thing_id"]: row["amount"] for row in (yield Statement(PAYMENTS["counted_back"], place))}
    for things, name, count in (("refunds", "refund_id", "count_refund"), ("disputes", "dispute_id", "count_dispute")):
        for row in (yield Statement(PAYMENTS[things], place)):
            if row[name] == thing_id and row["currency"] != currency:
                return counted.get(thing_id), PAYMENTS[count]
    raise InvalidInput("There is no refund or dispute of that id in another currency.", field="id")
