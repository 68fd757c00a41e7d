"""What a payment provider is to us: facts it can be asked for, and the few things it can be told to do.

One adapter each in `providers/`; nothing else knows a provider's SDK. Every call crosses a network, so none is made
while a transaction is open. Amounts are integers in minor units, instants seconds since 1970 in UTC, as providers send
them.

    Problem
    ├── ProviderRefused      it understood and said no: the same call again will be refused again
    └── Unavailable
        └── ProviderSilent   no answer, a broken one, or "later": it may or may not have happened
"""

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from testkase.foundation.problems import Problem, Unavailable

OrderStatus = Literal["created", "attempted", "paid"]
PaymentStatus = Literal["created", "authorized", "captured", "refunded", "failed"]
RefundStatus = Literal["pending", "processed", "failed"]
DisputeStatus = Literal["open", "under_review", "won", "lost", "closed"]
LinkStatus = Literal["created", "partially_paid", "paid", "cancelled", "expired"]


class ProviderRefused(Problem):
    """Facts: `status`, `provider_code`, `reason`; `field` names the provider's field."""

    code = "payment_refused"
    title = "The payment provider refused"


class ProviderSilent(Unavailable):
    """No answer, one that cannot be read, too many calls, or a fault on the provider's side."""

    code = "payment_provider_unavailable"
    title = "The payment provider did not answer"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be paid. `receipt` is our purchase's id."""

    order_id: str
    amount: int
    amount_paid: int
    currency: str
    status: OrderStatus
    receipt: str
    created_at: int
    notes: Mapping[str, str] = {}
    """What we wrote beside it. Whoever pays cannot change it; a payment's own notes they can: nobody reads those."""


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt to pay an order."""

    payment_id: str
    order_id: str | None
    amount: int
    currency: str
    status: PaymentStatus
    captured: bool
    """Money was taken, whether or not it has gone back since."""
    amount_refunded: int
    created_at: int
    method: str = ""
    instrument: str = ""
    """What people recognise it by: "Visa •••• 1111", a bank, a wallet, a UPI address. Never a whole number."""
    international: bool = False
    fee: int | None = None
    tax: int | None = None
    failure: str = ""
    """The provider's words for people, of a failed payment."""


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """Money on its way back."""

    refund_id: str
    payment_id: str
    amount: int
    currency: str
    status: RefundStatus
    created_at: int


class Dispute(msgspec.Struct, frozen=True, kw_only=True):
    """The payer's bank contests a payment. `amount_deducted` is what it has taken back by now."""

    dispute_id: str
    payment_id: str
    amount: int
    currency: str
    amount_deducted: int
    status: DisputeStatus
    phase: str
    created_at: int
    respond_by: int | None = None


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the provider on which a bill is paid. `reference` is our bill's id."""

    link_id: str
    amount: int
    amount_paid: int
    currency: str
    status: LinkStatus
    reference: str
    url: str
    payment_ids: tuple[str, ...]
    created_at: int


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the provider may address. International payments fail with invented contacts: leave out, never invent."""

    name: str = ""
    email: str = ""
    contact: str = ""


class Provider(Protocol):
    """Blocking calls, safe from any thread. All raise ProviderRefused and ProviderSilent."""

    name: str
    """`razorpay`: the provider's name in our rows."""
    key_id: str
    """Public: the browser's checkout needs it."""
    is_test: bool
    """No real money moves."""
    installation: str
    """Written beside each order, so that of several installations with one account each knows its own. Empty: it
    recovers none."""

    def create_order(self, *, receipt: str, amount: int, currency: str, notes: Mapping[str, str]) -> Order:
        """The order of this receipt: made now, or the one made before. Repeating is safe."""

    def fetch_order(self, order_id: str) -> Order: ...

    def payments_of_order(self, order_id: str) -> list[Payment]: ...

    def fetch_payment(self, payment_id: str) -> Payment: ...

    def payments_between(self, since: int, until: int) -> list[Payment]:
        """Every payment made in a span of time (`until` not included), whatever became of it."""

    def capture(self, payment_id: str, *, amount: int, currency: str) -> Payment:
        """Take the money of an authorized payment. One that is captured already is answered as it stands."""

    def refund(self, payment_id: str, *, amount: int, refund_key: str, notes: Mapping[str, str]) -> Refund:
        """Give money back. The same key gives it back once."""

    def refund_made(self, payment_id: str, refund_key: str) -> Refund | None:
        """What this key gave back; None: nothing yet."""

    def refunds_of(self, payment_id: str) -> list[Refund]: ...

    def refunds_between(self, since: int, until: int) -> list[Refund]:
        """Every refund made in a span of time (`until` not included), of whatever payment."""

    def fetch_dispute(self, dispute_id: str) -> Dispute: ...

    def disputes(self) -> list[Dispute]:
        """Every dispute the provider still lists, newest first."""

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
        """The link of this reference: made now, or the one made before. Repeating is safe."""

    def fetch_link(self, link_id: str) -> Link: ...

    def cancel_link(self, link_id: str) -> Link:
        """Nobody can pay it any more; one that was paid stays paid."""

    def is_checkout_signature(self, *, order_id: str, payment_id: str, signature: str) -> bool:
        """Whether the browser's return was signed by the provider for our order."""

    def is_link_signature(self, *, link_id: str, reference: str, status: str, payment_id: str, signature: str) -> bool:
        """Whether the return from a link's page was signed by the provider, for this link and this status."""

    def is_webhook_signature(self, body: bytes, signature: str | None) -> bool:
        """Whether these raw bytes were signed with the webhook's secret, the current or the previous one."""

    def read_event(self, body: bytes) -> "Event":
        """What a webhook tells of. Raises InvalidInput for bytes that are no event. Verify before reading."""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """A report that something may have happened: which things to look at, never what to believe."""

    name: str
    order_id: str | None = None
    payment_id: str | None = None
    refund_id: str | None = None
    dispute_id: str | None = None
    link_id: str | None = None
    created_at: int = 0
