"""Buying, from the first click to the credits, as errands between our rows and the provider.

    begin (purchase row) → order at the provider → open (order id kept) → … the buyer pays … → look → fulfil

Every step is committed before the next begins, and each can be repeated. A purchase that was begun and never opened is
opened by whoever repeats its request; until then nobody has its order's id, so nobody can pay it. An order made without
an answer is found again by our purchase's id, its receipt.
"""

from functools import partial
from typing import Protocol

from testkase.core.pricing import PriceBook
from testkase.foundation.database import Operation
from testkase.services.billing.errand import Errand, ask, do
from testkase.services.billing.model import Buyer, PaymentMismatch, Purchase
from testkase.services.billing.provider import Dispute, Payment, Provider, ProviderRefused, Refund
from testkase.services.billing.purchasing import lifecycle
from testkase.services.billing.purchasing.fulfilment import Facts, Fulfilled, fulfil
from testkase.services.billing.purchasing.recovering import notes_of
from testkase.services.billing.purchasing.rows import begin_purchase, open_purchase, purchase_by_id
from testkase.services.billing.seller import Seller


class MayBuy(Protocol):
    """Asks, inside the transaction that begins the purchase, whether the buyer may. Raises MayNotBuy."""

    def __call__(self) -> Operation[None]: ...


def buy(
    org_id: int,
    buyer: Buyer,
    *,
    request_id: str,
    book: PriceBook,
    bundle: str,
    currency: str,
    may_buy: MayBuy,
) -> Errand[Purchase]:
    """A purchase with an order that waits for money. The same request again answers the same purchase, whatever became
    of it meanwhile.

    Raises MayNotBuy, UnknownBundle, UnknownCurrency, RequestReused, TooManyWaiting, ProviderRefused, ProviderSilent.
    """

    def begin() -> Operation[Purchase]:
        yield from may_buy()
        return (
            yield from begin_purchase(
                org_id, buyer, request_id=request_id, book=book, bundle_key=bundle, currency=currency
            )
        )

    purchase = yield from do(org_id, begin())
    return (yield from order(purchase))


def order(purchase: Purchase) -> Errand[Purchase]:
    """Have the provider make the order of a purchase that has none yet."""
    if purchase.state != "created":
        return purchase
    made = yield from ask(
        lambda provider: provider.create_order(
            receipt=purchase.purchase_id, amount=purchase.amount, currency=purchase.currency,
            notes=notes_of(purchase, provider.installation),
        )
    )  # fmt: skip
    if (made.amount, made.currency) != (purchase.amount, purchase.currency):
        raise PaymentMismatch("The provider's order is over another amount. Nothing was charged; tell support.")
    return (yield from do(purchase.org_id, open_purchase(purchase.org_id, purchase.purchase_id, made)))


def returned_from_checkout(
    org_id: int, purchase_id: str, *, payment_id: str, signature: str, seller: Seller
) -> Errand[Fulfilled | None]:
    """The browser came back and says it has paid. None: what it brought was not signed for our order, and nothing
    happens (R33). Signed or not, what counts is what the provider says when asked. Raises PurchaseNotFound."""
    purchase = yield from do(org_id, purchase_by_id(org_id, purchase_id))
    order_id = purchase.order_id
    if order_id is None:
        return None
    signed = yield from ask(
        lambda provider: provider.is_checkout_signature(order_id=order_id, payment_id=payment_id, signature=signature)
    )
    return (yield from look_at(purchase, seller)) if signed else None


def look_at(purchase: Purchase, seller: Seller, *, dispute_ids: tuple[str, ...] = ()) -> Errand[Fulfilled]:
    """Ask the provider how a purchase stands, take what is only authorized, and keep what is so. `dispute_ids`:
    disputes somebody has reported."""
    if purchase.order_id is None:
        purchase = yield from order(purchase)
    order_id = purchase.order_id
    assert order_id is not None
    payments = yield from ask(lambda provider: provider.payments_of_order(order_id))
    payments = yield from _captured(purchase, payments)
    refunds = yield from _refunds(payments)
    disputes = yield from _disputes(dispute_ids)
    facts = Facts(payments=tuple(payments), refunds=tuple(refunds), disputes=tuple(disputes))
    return (yield from do(purchase.org_id, fulfil(purchase.org_id, purchase.purchase_id, facts, seller)))


def _captured(purchase: Purchase, payments: list[Payment]) -> Errand[list[Payment]]:
    """Take the money of a payment the bank has authorized: it would go back by itself after some days. Only one that is
    exactly what was ordered, and only while nothing else has paid for the purchase."""
    if purchase.state == "paid" or any(payment.captured for payment in payments):
        return payments
    for index, payment in enumerate(payments):
        if payment.status == "authorized" and lifecycle.is_what_was_ordered(
            payment, order_id=purchase.order_id or "", amount=purchase.amount, currency=purchase.currency
        ):
            try:
                taken = yield from ask(partial(_capture, payment))
            except ProviderRefused:  # gone back, or taken by somebody else meanwhile: the next look will tell
                continue
            return [*payments[:index], taken, *payments[index + 1 :]]
    return payments


def _capture(payment: Payment, provider: Provider) -> Payment:
    return provider.capture(payment.payment_id, amount=payment.amount, currency=payment.currency)


def _refunds(payments: list[Payment]) -> Errand[list[Refund]]:
    """What went back of each; also asked where the payment shows nothing of it, since a refund may have failed."""
    taken = [payment.payment_id for payment in payments if payment.captured]
    return (yield from ask(lambda provider: [refund for payment in taken for refund in provider.refunds_of(payment)]))


def _disputes(dispute_ids: tuple[str, ...]) -> Errand[list[Dispute]]:
    if not dispute_ids:
        return []
    return (yield from ask(lambda provider: [provider.fetch_dispute(dispute_id) for dispute_id in dispute_ids]))
