"""A payment provider in memory, of which a test says what happens there.

    provider = FakeProvider()
    order = provider.create_order(receipt="purchase_1", amount=1000, currency="USD", notes={})
    payment = provider.pay(order.order_id)          # somebody pays on the provider's page
    body, signature = provider.webhook("payment.captured", payment_id=payment.payment_id)
    provider.silent(after=True)                     # the next call happens, and is not answered

Signatures and webhooks are Razorpay's, so that whatever reads them meets the real thing. Safe from any thread.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from testkase.services.billing.provider import (
    Customer,
    Dispute,
    DisputeStatus,
    Event,
    Link,
    Order,
    Payment,
    ProviderRefused,
    ProviderSilent,
    Refund,
    RefundStatus,
)
from testkase.services.billing.providers.razorpay import events, ids, signatures

Thing = TypeVar("Thing")
Priced = TypeVar("Priced", Order, Link)


class FakeProvider:
    """Implements `Provider`. The methods below `Scripting` are what a test does to it."""

    name = "razorpay"
    is_test = True

    def __init__(self, *, now: Callable[[], int] = lambda: int(time.time())) -> None:
        self.key_id = "rzp_test_fake0000000000"
        self.key_secret = "fake-key-secret"
        self.installation = "this one"
        self.webhook_secret = "fake-webhook-secret"
        self.previous_webhook_secret: str | None = None
        self.now = now
        self.calls: list[str] = []
        """The calls that reached the provider, by name."""
        self.refund_status: RefundStatus = "processed"
        """What becomes of a refund at once."""
        self.orders: dict[str, Order] = {}
        self.payments: dict[str, Payment] = {}
        self.refunds: dict[str, Refund] = {}
        self.links: dict[str, Link] = {}
        self._disputes: dict[str, Dispute] = {}
        self._refund_keys: dict[str, str] = {}
        self._link_orders: dict[str, str] = {}
        self._outcomes: deque[tuple[Exception, bool]] = deque()
        self._lock = threading.RLock()
        self._made = 0

    # The provider

    def create_order(self, *, receipt: str, amount: int, currency: str, notes: Mapping[str, str]) -> Order:
        def make() -> Order:
            for order in self.orders.values():
                if order.receipt == receipt:
                    return _same(order, amount=amount, currency=currency)
            return self._new_order(receipt, amount, currency, notes)

        return self._call("create_order", make)

    def fetch_order(self, order_id: str) -> Order:
        return self._call("fetch_order", lambda: _found(self.orders, order_id))

    def payments_of_order(self, order_id: str) -> list[Payment]:
        return self._call("payments_of_order", lambda: self._payments_of(_found(self.orders, order_id)))

    def fetch_payment(self, payment_id: str) -> Payment:
        return self._call("fetch_payment", lambda: _found(self.payments, payment_id))

    def payments_between(self, since: int, until: int) -> list[Payment]:
        return self._call(
            "payments_between", lambda: [one for one in self.payments.values() if since <= one.created_at < until]
        )

    def capture(self, payment_id: str, *, amount: int, currency: str) -> Payment:
        def take() -> Payment:
            payment = _found(self.payments, payment_id)
            if payment.captured:
                return payment
            if payment.status != "authorized" or (payment.amount, payment.currency) != (amount, currency):
                raise refused("Only an authorized payment can be captured, and only its whole amount.")
            return self._captured(payment)

        return self._call("capture", take)

    def refund(self, payment_id: str, *, amount: int, refund_key: str, notes: Mapping[str, str]) -> Refund:
        def give_back() -> Refund:
            if known := self._refund_keys.get(ids.checked_key(refund_key)):
                if self.refunds[known].amount != amount:
                    raise refused("This key gave another amount back.", reason="used_for_another_amount")
                return self.refunds[known]
            refund = self._refunded(_found(self.payments, payment_id), amount)
            self._refund_keys[refund_key] = refund.refund_id
            return refund

        return self._call("refund", give_back)

    def refund_made(self, payment_id: str, refund_key: str) -> Refund | None:
        def made() -> Refund | None:
            _found(self.payments, payment_id)
            known = self._refund_keys.get(refund_key)
            return self.refunds[known] if known is not None else None

        return self._call("refund_made", made)

    def refunds_of(self, payment_id: str) -> list[Refund]:
        def listed() -> list[Refund]:
            _found(self.payments, payment_id)
            return [one for one in self.refunds.values() if one.payment_id == payment_id]

        return self._call("refunds_of", listed)

    def refunds_between(self, since: int, until: int) -> list[Refund]:
        return self._call(
            "refunds_between", lambda: [one for one in self.refunds.values() if since <= one.created_at < until]
        )

    def fetch_dispute(self, dispute_id: str) -> Dispute:
        return self._call("fetch_dispute", lambda: _found(self._disputes, dispute_id))

    def disputes(self) -> list[Dispute]:
        return self._call("disputes", lambda: list(reversed(self._disputes.values())))

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
        def make() -> Link:
            for link in self.links.values():
                if link.reference == reference:
                    return _same(link, amount=amount, currency=currency)
            return self._new_link(reference, amount, currency)

        return self._call("create_link", make)

    def fetch_link(self, link_id: str) -> Link:
        return self._call("fetch_link", lambda: _found(self.links, link_id))

    def cancel_link(self, link_id: str) -> Link:
        def cancel() -> Link:
            link = _found(self.links, link_id)
            return self._put_link(replace(link, status="cancelled")) if link.status == "created" else link

        return self._call("cancel_link", cancel)

    def is_checkout_signature(self, *, order_id: str, payment_id: str, signature: str) -> bool:
        return signatures.is_checkout_signed(
            order_id=order_id, payment_id=payment_id, signature=signature, key_secret=self.key_secret
        )

    def is_link_signature(self, *, link_id: str, reference: str, status: str, payment_id: str, signature: str) -> bool:
        return signatures.is_link_signed(
            link_id=link_id, reference=reference, status=status, payment_id=payment_id, signature=signature,
            key_secret=self.key_secret,
        )  # fmt: skip

    def is_webhook_signature(self, body: bytes, signature: str | None) -> bool:
        return signatures.is_signed(body, signature, (self.webhook_secret, self.previous_webhook_secret or ""))

    def read_event(self, body: bytes) -> Event:
        return events.read_event(body)

    # Scripting

    def silent(self, calls: int = 1, *, after: bool = False) -> None:
        """The next calls raise ProviderSilent: before anything happens, or after it has."""
        self._outcomes.extend([(ProviderSilent("The payment provider did not answer in time."), after)] * calls)

    def refuse(self, calls: int = 1, *, reason: str = "input_validation_failed") -> None:
        """The next calls are refused, whatever they ask."""
        self._outcomes.extend([(refused("Refused by the test.", reason=reason), False)] * calls)

    def pay(self, order_id: str, **facts: Any) -> Payment:
        """Somebody pays, and the money is taken. `amount`, `currency`, `method` and the like may be other than the
        order's: what then arrives does not match."""
        with self._lock:
            return self._captured(self.authorize(order_id, **facts))

    def authorize(self, order_id: str, **facts: Any) -> Payment:
        """Somebody pays, and the money is set aside."""
        return self._attempt(order_id, status="authorized", **facts)

    def fail(self, order_id: str, failure: str = "Your payment was declined by the bank.", **facts: Any) -> Payment:
        """Somebody tries to pay in vain."""
        return self._attempt(order_id, status="failed", failure=failure, **facts)

    def succeed_late(self, payment_id: str) -> Payment:
        """A failed or merely authorized payment turns out to be paid."""
        with self._lock:
            return self._captured(_found(self.payments, payment_id))

    def refund_by_hand(self, payment_id: str, amount: int | None = None) -> Refund:
        """Somebody gives money back on the provider's dashboard."""
        with self._lock:
            payment = _found(self.payments, payment_id)
            return self._refunded(payment, payment.amount - payment.amount_refunded if amount is None else amount)

    def finish_refund(self, refund_id: str, status: RefundStatus) -> Refund:
        """A pending refund arrives, or fails; the money of a failed one stays with us."""
        with self._lock:
            refund = self.refunds[refund_id] = replace(_found(self.refunds, refund_id), status=status)
            if status == "failed":
                self._count_refunded(_found(self.payments, refund.payment_id), -refund.amount)
            return refund

    def dispute(
        self, payment_id: str, amount: int | None = None, *, deducted: int = 0, phase: str = "chargeback"
    ) -> Dispute:
        """The payer's bank contests a payment."""
        with self._lock:
            payment = _found(self.payments, payment_id)
            dispute = Dispute(
                dispute_id=self._id("disp"),
                payment_id=payment_id,
                amount=payment.amount if amount is None else amount,
                currency=payment.currency,
                amount_deducted=deducted,
                status="open",
                phase=phase,
                created_at=self.now(),
                respond_by=self.now() + 7 * 86_400,
            )
            self._disputes[dispute.dispute_id] = dispute
            return dispute

    def decide_dispute(self, dispute_id: str, status: DisputeStatus) -> Dispute:
        """A lost one is deducted whole, a won one not at all."""
        with self._lock:
            dispute = _found(self._disputes, dispute_id)
            deducted = {"lost": dispute.amount, "won": 0}.get(status, dispute.amount_deducted)
            decided = self._disputes[dispute_id] = replace(dispute, status=status, amount_deducted=deducted)
            return decided

    def pay_link(self, link_id: str, **facts: Any) -> Payment:
        """Somebody pays the bill behind a link."""
        with self._lock:
            link = _found(self.links, link_id)
            payment = self.pay(self._link_orders[link_id], **facts)
            paid = link.amount_paid + payment.amount
            status = "paid" if paid >= link.amount else "partially_paid"
            payment_ids = (*link.payment_ids, payment.payment_id)
            self._put_link(replace(link, amount_paid=paid, status=status, payment_ids=payment_ids))
            return payment

    def expire_link(self, link_id: str) -> Link:
        """Its time runs out."""
        with self._lock:
            return self._put_link(replace(_found(self.links, link_id), status="expired"))

    def checkout_return(self, payment: Payment) -> dict[str, str]:
        """The three fields the browser brings back, signed."""
        message = f"{payment.order_id}|{payment.payment_id}".encode()
        return {
            "razorpay_payment_id": payment.payment_id,
            "razorpay_order_id": payment.order_id or "",
            "razorpay_signature": signatures.sign(self.key_secret, message),
        }

    def webhook(
        self,
        event: str,
        *,
        order_id: str | None = None,
        payment_id: str | None = None,
        refund_id: str | None = None,
        dispute_id: str | None = None,
        link_id: str | None = None,
    ) -> tuple[bytes, str]:
        """A webhook's body and its signature."""
        payment = {"id": payment_id, "order_id": self.payments[payment_id].order_id} if payment_id else None
        about = {
            "order": order_id and {"id": order_id},
            "payment": payment,
            "refund": refund_id and {"id": refund_id, "payment_id": self.refunds[refund_id].payment_id},
            "dispute": dispute_id and {"id": dispute_id, "payment_id": self._disputes[dispute_id].payment_id},
            "payment_link": link_id and {"id": link_id},
        }
        payload = {kind: {"entity": entity} for kind, entity in about.items() if entity}
        envelope = {"entity": "event", "account_id": "acc_Fake0000000000", "event": event}
        body = msgspec.json.encode(
            {**envelope, "contains": list(payload), "payload": payload, "created_at": self.now()}
        )
        return body, signatures.sign(self.webhook_secret, body)

    # Inside

    def _call(self, name: str, effect: Callable[[], Thing]) -> Thing:
        with self._lock:
            self.calls.append(name)
            outcome, after = self._outcomes.popleft() if self._outcomes else (None, False)
            if outcome is not None and not after:
                raise outcome
            answer = effect()
            if outcome is not None:
                raise outcome
            return answer

    def _id(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}_Fake{self._made:010d}"

    def _new_order(self, receipt: str, amount: int, currency: str, notes: Mapping[str, str]) -> Order:
        order = Order(
            order_id=self._id("order"),
            amount=amount,
            amount_paid=0,
            currency=currency,
            status="created",
            receipt=receipt,
            created_at=self.now(),
            notes=dict(notes),
        )
        self.orders[order.order_id] = order
        return order

    def _new_link(self, reference: str, amount: int, currency: str) -> Link:
        link_id = self._id("plink")
        self._link_orders[link_id] = self._new_order(reference, amount, currency, {}).order_id
        return self._put_link(
            Link(
                link_id=link_id,
                amount=amount,
                amount_paid=0,
                currency=currency,
                status="created",
                reference=reference,
                url=f"https://payments.invalid/{link_id}",
                payment_ids=(),
                created_at=self.now(),
            )
        )

    def _put_link(self, link: Link) -> Link:
        self.links[link.link_id] = link
        return link

    def _payments_of(self, order: Order) -> list[Payment]:
        return [one for one in self.payments.values() if one.order_id == order.order_id]

    def _attempt(self, order_id: str, **facts: Any) -> Payment:
        with self._lock:
            order = _found(self.orders, order_id)
            about = {
                "amount": order.amount,
                "currency": order.currency,
                "method": "card",
                "instrument": "Visa •••• 1111",
            }
            payment = Payment(
                payment_id=self._id("pay"),
                order_id=order_id,
                captured=False,
                amount_refunded=0,
                created_at=self.now(),
                **{**about, **facts},
            )
            self.payments[payment.payment_id] = payment
            if order.status == "created":
                self.orders[order_id] = replace(order, status="attempted")
            return payment

    def _captured(self, payment: Payment) -> Payment:
        fee, tax = payment.amount * 3 // 100, payment.amount * 54 // 10_000
        taken = replace(payment, status="captured", captured=True, fee=fee, tax=tax, failure="")
        self.payments[taken.payment_id] = taken
        if order := self.orders.get(taken.order_id or ""):
            self.orders[order.order_id] = replace(order, status="paid", amount_paid=taken.amount)
        return taken

    def _refunded(self, payment: Payment, amount: int) -> Refund:
        if not payment.captured or not 0 < amount <= payment.amount - payment.amount_refunded:
            raise refused("The refund is more than what was captured and is still there.", field="amount")
        refund = Refund(
            refund_id=self._id("rfnd"),
            payment_id=payment.payment_id,
            amount=amount,
            currency=payment.currency,
            status=self.refund_status,
            created_at=self.now(),
        )
        self.refunds[refund.refund_id] = refund
        if refund.status != "failed":
            self._count_refunded(payment, amount)
        return refund

    def _count_refunded(self, payment: Payment, amount: int) -> None:
        refunded = payment.amount_refunded + amount
        status = "refunded" if refunded == payment.amount else "captured"
        self.payments[payment.payment_id] = replace(payment, amount_refunded=refunded, status=status)


def refused(detail: str, *, field: str | None = None, reason: str = "input_validation_failed") -> ProviderRefused:
    """A refusal as the real adapter words it."""
    return ProviderRefused(detail, field=field, status=400, provider_code="BAD_REQUEST_ERROR", reason=reason)


def _found(things: Mapping[str, Thing], thing_id: str) -> Thing:
    if thing_id not in things:
        raise refused("The id provided does not exist", field="id")
    return things[thing_id]


def _same(thing: Priced, *, amount: int, currency: str) -> Priced:
    """What was made before under this name, unless that was something else."""
    if (thing.amount, thing.currency) != (amount, currency):
        raise refused("This receipt was used for another amount.", reason="used_for_another_amount")
    return thing
