"""One order for each receipt, however Razorpay treats a receipt that comes again.

It may answer with the same order (`unique_receipt`), refuse the receipt, or make another order; and an interface that
does not know `unique_receipt` yet refuses the field. So the receipt is looked up before an order is made, and again
where the outcome is not known.
"""

from collections.abc import Mapping
from typing import Any

from testkase.services.billing.provider import Order, ProviderRefused, ProviderSilent
from testkase.services.billing.providers.razorpay import reading
from testkase.services.billing.providers.razorpay.api import Api, listed
from testkase.services.billing.providers.razorpay.failures import check_not_there

_AUTOMATIC_MINUTES, _MANUAL_MINUTES = 3 * 24 * 60, 5 * 24 * 60
"""Razorpay takes set-aside money by itself for three days, at our word for two more; then it goes back."""


class Orders:
    def __init__(self, api: Api) -> None:
        self._api = api
        self._knows_unique_receipts = True

    def create(self, *, receipt: str, amount: int, currency: str, notes: Mapping[str, str]) -> Order:
        """The order of this receipt. Raises ProviderRefused where it was used for another amount."""
        body = {
            "amount": amount,
            "currency": currency,
            "receipt": receipt,
            "notes": dict(notes),
            "payment": {
                "capture": "automatic",
                "capture_options": {
                    "automatic_expiry_period": _AUTOMATIC_MINUTES,
                    "manual_expiry_period": _MANUAL_MINUTES,
                    "refund_speed": "normal",
                },
            },
        }
        return _same(self._earliest(receipt) or self._made(receipt, body), amount=amount, currency=currency)

    def _made(self, receipt: str, body: dict[str, Any]) -> Order:
        try:
            return self._sent(body)
        except (ProviderRefused, ProviderSilent) as problem:
            # Refused because it is there, or there although nobody said so: either way it can be found.
            if (order := self._earliest(receipt)) is not None:
                return order
            check_not_there(problem, "should be unique")
            raise

    def _sent(self, body: dict[str, Any]) -> Order:
        unique = {"unique_receipt": True} if self._knows_unique_receipts else {}
        try:
            return reading.order(self._api.client.order.create({**body, **unique}))
        except ProviderRefused as refusal:
            if not unique or not _is_unknown_field(refusal, "unique_receipt"):
                raise
            self._knows_unique_receipts = False
            return self._sent(body)

    def _earliest(self, receipt: str) -> Order | None:
        """The order of a receipt; where there are several, the one that was paid, or else the first."""
        entities = listed(self._api.client.order.all, {"receipt": receipt})
        orders = [order for order in map(reading.order, entities) if order.receipt == receipt]
        return min(orders, key=lambda order: (order.status != "paid", order.created_at, order.order_id), default=None)


def _is_unknown_field(refusal: ProviderRefused, name: str) -> bool:
    """`extra_field_sent` names the field in its sentence or beside it."""
    return refusal.field == name or name in str(refusal.facts.get("description"))


def _same(order: Order, *, amount: int, currency: str) -> Order:
    if (order.amount, order.currency) != (amount, currency):
        raise ProviderRefused("This receipt was used for another amount.", reason="used_for_another_amount")
    return order
