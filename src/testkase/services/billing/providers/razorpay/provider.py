"""Razorpay as a `Provider`: the official SDK behind our own words."""

from collections.abc import Mapping

from testkase.foundation.razorpay_account import RazorpayAccount
from testkase.services.billing.provider import (
    Customer,
    Dispute,
    Event,
    Link,
    Order,
    Payment,
    ProviderRefused,
    ProviderSilent,
    Refund,
)
from testkase.services.billing.providers.razorpay import events, reading, signatures
from testkase.services.billing.providers.razorpay.api import Api, listed, listed_plainly
from testkase.services.billing.providers.razorpay.ids import checked_id
from testkase.services.billing.providers.razorpay.links import Links
from testkase.services.billing.providers.razorpay.orders import Orders
from testkase.services.billing.providers.razorpay.refunds import Refunds
from testkase.services.billing.providers.razorpay.session import CONNECT_SECONDS, READ_SECONDS

_WITH_CARD = {"expand[]": "card"}
"""Without it a card is an id alone."""


class RazorpayProvider:
    """Implements `Provider`. One for the process is enough: each thread gets connections of its own."""

    name = "razorpay"

    def __init__(
        self,
        account: RazorpayAccount,
        *,
        timeout: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS),
        installation: str = "",
    ) -> None:
        self.installation = installation
        self.key_id = account.key_id
        self.is_test = account.is_test
        self._key_secret = account.key_secret
        self._webhook_secrets = (account.webhook_secret, account.previous_webhook_secret or "")
        self._api = Api(account, timeout=timeout)
        self._orders, self._links, self._refunds = Orders(self._api), Links(self._api), Refunds(self._api)

    def create_order(self, *, receipt: str, amount: int, currency: str, notes: Mapping[str, str]) -> Order:
        return self._orders.create(receipt=receipt, amount=amount, currency=currency, notes=notes)

    def fetch_order(self, order_id: str) -> Order:
        return reading.order(self._api.client.order.fetch(checked_id("order", order_id)))

    def payments_of_order(self, order_id: str) -> list[Payment]:
        checked_id("order", order_id)
        entities = listed_plainly(lambda query: self._api.client.order.payments(order_id, query), {})
        return [reading.payment(entity) for entity in entities]

    def fetch_payment(self, payment_id: str) -> Payment:
        return reading.payment(self._api.client.payment.fetch(checked_id("pay", payment_id), _WITH_CARD))

    def payments_between(self, since: int, until: int) -> list[Payment]:
        if since >= until:
            return []
        entities = listed(self._api.client.payment.all, {"from": since, "to": until - 1})  # it counts both ends
        payments = map(reading.payment, entities)
        return [payment for payment in payments if since <= payment.created_at < until]

    def capture(self, payment_id: str, *, amount: int, currency: str) -> Payment:
        checked_id("pay", payment_id)
        try:
            entity = self._api.client.payment.capture(payment_id, amount, {"currency": currency})
            return reading.payment(entity)
        except (ProviderRefused, ProviderSilent):
            # Refused because it was captured before, or captured although nobody said so.
            if (payment := self.fetch_payment(payment_id)).captured:
                return payment
            raise

    def refund(self, payment_id: str, *, amount: int, refund_key: str, notes: Mapping[str, str]) -> Refund:
        return self._refunds.create(payment_id, amount=amount, refund_key=refund_key, notes=notes)

    def refund_made(self, payment_id: str, refund_key: str) -> Refund | None:
        return self._refunds.made(payment_id, refund_key)

    def refunds_of(self, payment_id: str) -> list[Refund]:
        return self._refunds.of(payment_id)

    def refunds_between(self, since: int, until: int) -> list[Refund]:
        return self._refunds.between(since, until)

    def fetch_dispute(self, dispute_id: str) -> Dispute:
        return reading.dispute(self._api.client.dispute.fetch(checked_id("disp", dispute_id)))

    def disputes(self) -> list[Dispute]:
        disputes = map(reading.dispute, listed(self._api.client.dispute.all, {}))
        return sorted(disputes, key=lambda dispute: (dispute.created_at, dispute.dispute_id), reverse=True)

    def create_link(
        self,
        *,
        reference: str,
        amount: int,
        currency: str,
        description: str,
        customer: Customer,
        expire_by: int,
        callback_url: str,
    ) -> Link:
        return self._links.create(
            reference=reference,
            amount=amount,
            currency=currency,
            description=description,
            customer=customer,
            expire_by=expire_by,
            callback_url=callback_url,
        )

    def fetch_link(self, link_id: str) -> Link:
        return self._links.fetch(link_id)

    def cancel_link(self, link_id: str) -> Link:
        return self._links.cancel(link_id)

    def is_checkout_signature(self, *, order_id: str, payment_id: str, signature: str) -> bool:
        return signatures.is_checkout_signed(
            order_id=order_id, payment_id=payment_id, signature=signature, key_secret=self._key_secret
        )

    def is_link_signature(self, *, link_id: str, reference: str, status: str, payment_id: str, signature: str) -> bool:
        return signatures.is_link_signed(
            link_id=link_id, reference=reference, status=status, payment_id=payment_id, signature=signature,
            key_secret=self._key_secret,
        )  # fmt: skip

    def is_webhook_signature(self, body: bytes, signature: str | None) -> bool:
        return signatures.is_signed(body, signature, self._webhook_secrets)

    def read_event(self, body: bytes) -> Event:
        return events.read_event(body)
