"""The nouns of buying: a purchase, the bill for overage, and what an organization chose."""

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from testkase.core.access import Action, can
from testkase.foundation.problems import Conflict, Forbidden, NotFound, Unavailable

PurchaseState = Literal["created", "open", "paid", "closed"]
BillState = Literal["due", "open", "paid", "unpaid", "waived"]


class PurchaseNotFound(NotFound):
    """No purchase of this organization has that id."""

    code = "purchase_not_found"
    title = "No such purchase"


class MayNotBuy(Forbidden):
    """Who buys is the Owner's choice (R36, R37, R39)."""

    code = "may_not_buy"
    title = "Not allowed to buy credits"


class NotSetUp(Unavailable):
    """This installation has no payment provider."""

    code = "payments_not_set_up"
    title = "Buying is not set up here"


class PaymentMismatch(Conflict):
    """A payment is not what was ordered: nothing is granted for it, and staff are told."""

    code = "payment_mismatch"
    title = "The payment does not match the order"


class MoneyBackUndecided(Conflict):
    """Money went back in another currency than it was paid in: staff say what of the payment that is."""

    code = "money_back_undecided"
    title = "What went back of a payment is not decided"


class Buyer(msgspec.Struct, frozen=True, kw_only=True):
    """Who set out to buy: a person, or a program by its API key. `user_id` is whom to tell of it."""

    kind: Literal["person", "api_key"]
    ref: str
    name: str
    user_id: int | None = None


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """A bundle on its way to becoming credits. `credits` and `clawed` in micro-credits, `amount` in minor units."""

    org_id: int
    purchase_id: str
    request_id: str
    bundle: str
    bundle_name: str
    credits: int
    amount: int
    currency: str
    validity: Literal["billing_month", "never", "months"]
    validity_months: int
    price_book: str
    buyer_kind: Literal["person", "api_key"]
    buyer_ref: str
    buyer_name: str
    buyer_id: int | None
    state: PurchaseState
    order_id: str | None
    payment_id: str | None
    lot_expires_at: int | None
    """Microseconds UTC, of a paid purchase; None: its credits never expire."""
    failure: str
    """The provider's words about the last failed attempt."""
    clawed: int
    frozen: bool
    reversals: int
    created_at: datetime
    paid_at: datetime | None

    @property
    def buyer(self) -> Buyer:
        return Buyer(kind=self.buyer_kind, ref=self.buyer_ref, name=self.buyer_name, user_id=self.buyer_id)


class Bill(msgspec.Struct, frozen=True, kw_only=True):
    """What one period's overage costs. `credits` in micro-credits, `amount` in minor units, instants of the period in
    microseconds UTC."""

    org_id: int
    bill_id: str
    period_number: int
    period_start: int
    period_end: int
    credits: int
    amount: int
    currency: str
    price_book: str
    state: BillState
    link_id: str | None
    link_url: str
    payment_id: str | None
    reminders: int
    made_at: datetime
    due_at: datetime
    paid_at: datetime | None
    waived_at: datetime | None

    @property
    def is_settled(self) -> bool:
        """Nobody is to pay it any more."""
        return self.state in ("paid", "waived")

    @property
    def last_day(self) -> datetime:
        """An instant of the last whole day on which it can be paid in time: the day that people are told."""
        return self.due_at - timedelta(days=1)


def is_bill(target_id: str) -> bool:
    """Whether this is the id of a bill; of a purchase otherwise."""
    return target_id.startswith("bill_")


class BillingSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What an organization chose about buying."""

    purchase_roles: str = "owner"
    overage_cap_cents: int = 0
    """US cents a billing month; 0: overage is off (P7)."""
    billed_period: int = -1
    buyer_name: str = ""
    buyer_address: str = ""
    buyer_tax_id: str = ""

    def check_may_buy(self, role: str | None) -> None:
        """Raises MayNotBuy for a role that the policy does not let buy."""
        if not can(role, Action.BUY_CREDITS, purchase_roles=self.purchase_roles):
            raise MayNotBuy("Only the Owner buys credits here. Ask them to." if self.purchase_roles == "owner" else
                            "Only the Owner and the Admins buy credits here. Ask one of them to.")  # fmt: skip
