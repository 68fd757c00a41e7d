"""Money given back once for each key.

The key is the header by which Razorpay knows a repeated call, and the refund's receipt as well: nobody says for how
long the header is remembered, and what has been given back twice does not come home.
"""

from collections.abc import Mapping

from testkase.services.billing.provider import ProviderRefused, ProviderSilent, Refund
from testkase.services.billing.providers.razorpay import reading
from testkase.services.billing.providers.razorpay.api import Answer, Api, listed
from testkase.services.billing.providers.razorpay.ids import checked_id, checked_key


class Refunds:
    def __init__(self, api: Api) -> None:
        self._api = api

    def create(self, payment_id: str, *, amount: int, refund_key: str, notes: Mapping[str, str]) -> Refund:
        """Raises InvalidInput for a key Razorpay would not take: 10 to 40 letters, digits, `-` and `_`; and
        ProviderRefused for one that gave another amount back."""
        checked_id("pay", payment_id)
        checked_key(refund_key)
        if (refund := self.made(payment_id, refund_key)) is not None:
            return _same(refund, amount)
        body = {"amount": amount, "speed": "normal", "receipt": refund_key, "notes": dict(notes)}
        headers = {"X-Refund-Idempotency": refund_key}
        try:
            return reading.refund(self._api.client.payment.refund(payment_id, body, headers=headers))
        except (ProviderRefused, ProviderSilent):
            if (refund := self.made(payment_id, refund_key)) is not None:
                return _same(refund, amount)
            raise

    def made(self, payment_id: str, refund_key: str) -> Refund | None:
        found = (entity for entity in self._entities(payment_id) if entity.get("receipt") == refund_key)
        return next(map(reading.refund, found), None)

    def of(self, payment_id: str) -> list[Refund]:
        return [reading.refund(entity) for entity in self._entities(payment_id)]

    def between(self, since: int, until: int) -> list[Refund]:
        if since >= until:
            return []
        entities = listed(self._api.client.refund.all, {"from": since, "to": until - 1})  # it counts both ends
        refunds = map(reading.refund, entities)
        return [refund for refund in refunds if since <= refund.created_at < until]

    def _entities(self, payment_id: str) -> list[Answer]:
        checked_id("pay", payment_id)
        return listed(lambda query: self._api.client.payment.fetch_multiple_refund(payment_id, query), {})


def _same(refund: Refund, amount: int) -> Refund:
    if refund.amount != amount:
        raise ProviderRefused("This key gave another amount back.", reason="used_for_another_amount")
    return refund
