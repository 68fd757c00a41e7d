"""Giving money back, by staff: asked of the provider under the caller's own id, then looked at as if reported."""

import hashlib

from testkase.core.pricing.money import money
from testkase.foundation.problems import Conflict, InvalidInput
from testkase.services.audit import Activity, Actor
from testkase.services.billing import words
from testkase.services.billing.errand import Errand, ask, do
from testkase.services.billing.provider import ProviderRefused
from testkase.services.billing.purchasing.buying import look_at
from testkase.services.billing.purchasing.fulfilment import Fulfilled
from testkase.services.billing.purchasing.rows import Listed, listed_purchase
from testkase.services.billing.seller import Seller


class NotPaid(Conflict):
    """There is no payment to give back."""

    code = "purchase_not_paid"
    title = "The purchase is not paid"


def refund(
    org_id: int, purchase_id: str, *, refund_id: str, amount: int, reason: str, actor: Actor, seller: Seller
) -> Errand[Fulfilled]:
    """Give back `amount` minor units of a purchase's payment; its credits follow at once. The same `refund_id` gives it
    back once. Recorded. Raises PurchaseNotFound, NotPaid, InvalidInput, ProviderRefused, ProviderSilent."""
    listed = yield from do(org_id, listed_purchase(org_id, purchase_id))
    purchase, payment_id = listed.purchase, listed.purchase.payment_id
    if payment_id is None:
        raise NotPaid("Nothing was paid for this purchase, so nothing can be given back.")
    if not 1 <= amount <= purchase.amount:
        most = money(purchase.amount, purchase.currency)
        raise InvalidInput(f"A refund is more than nothing and at most {most}.", field="amount")
    key = _key(purchase_id, refund_id)
    beyond = _beyond(listed, amount)
    if beyond is not None and (yield from ask(lambda provider: provider.refund_made(payment_id, key))) is None:
        raise beyond
    given = yield from ask(
        lambda provider: provider.refund(payment_id, amount=amount, refund_key=key, notes={"reason": reason[:200]})
    )
    details = {"amount": money(amount, purchase.currency), "reason": reason, "purchase": purchase_id}
    asked = Activity(action="refund.asked", actor=actor, target=purchase.bundle_name, details=details)
    yield from do(org_id, words.recorded(org_id, asked, event_id=f"refund.asked:{given.refund_id}"))
    looked = yield from look_at(purchase, seller)
    if given.status == "failed":
        raise ProviderRefused("The refund failed: the money did not go back. Ask for it again under another id.")
    return looked


def _beyond(listed: Listed, amount: int) -> InvalidInput | None:
    """Why no refund of so much can be new, where a dispute was lost: the provider keeps refunds within the payment, and
    counts no lost dispute among them. That is for us to do; where none was lost it is left to the provider."""
    paid = next((one for one in listed.attempts if one.payment_id == listed.purchase.payment_id), None)
    if paid is None or paid.went_back <= paid.amount_refunded or amount <= paid.amount - paid.went_back:
        return None
    gone = money(paid.went_back, paid.currency)
    return InvalidInput(
        f"The payment was {money(paid.amount, paid.currency)}, and {gone} of it went back already, by refunds and"
        " lost disputes.", field="amount",
    )  # fmt: skip


def _key(purchase_id: str, refund_id: str) -> str:
    """The provider takes letters, digits, - and _ only; ours may hold more."""
    return hashlib.sha256(f"{purchase_id} {refund_id}".encode()).hexdigest()[:40]
