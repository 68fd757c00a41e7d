"""Bundles, purchases, receipts for money, and use beyond the balance."""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from testkase_client.answers.limits import Alerts


class Bundle(Struct, frozen=True, kw_only=True):
    """Credits sold at one price."""

    key: str
    name: str
    price_usd: Decimal
    price_inr: Decimal | None
    credits: Decimal
    credits_per_dollar: int
    savings_percent: int | None
    more_credits_percent: Decimal
    cheaper_percent: Decimal
    badge: str | None
    validity: str
    validity_months: int | None


class Bundles(Struct, frozen=True, kw_only=True):
    """The bundles of the price book in force, smallest first."""

    items: list[Bundle]
    currencies: list[str]
    price_book: str
    overage_price_usd: Decimal
    next_cursor: str | None = None
    """None: they come all at once."""


class BoughtBy(Struct, frozen=True, kw_only=True):
    """Who set out to buy."""

    kind: str
    name: str


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt to pay."""

    payment_id: str
    status: str
    verdict: str
    amount: Decimal
    currency: str
    refunded: Decimal
    method: str
    instrument: str
    failure: str
    at: datetime
    went_back: Decimal | None = None
    """What refunds and lost disputes took of it; None: the installation is older than this."""


class Purchase(Struct, frozen=True, kw_only=True):
    """A purchase: a person pays it at `payment_url`, and the credits are there with the payment."""

    id: str
    request_id: str
    state: str
    bundle: str
    name: str
    credits: Decimal
    amount: Decimal
    currency: str
    order_id: str | None
    payment_id: str | None
    payment_url: str
    receipt: str | None
    expires_at: datetime | None
    failure: str
    taken_back: Decimal
    disputed: bool
    bought_by: BoughtBy
    created_at: datetime
    paid_at: datetime | None
    attempts: list[Attempt]
    replayed: bool = False


class Seller(Struct, frozen=True, kw_only=True):
    """Who sold."""

    name: str
    address: list[str]
    email: str
    tax_id: str


class Buyer(Struct, frozen=True, kw_only=True):
    """Who bought."""

    name: str
    address: list[str]
    tax_id: str


class Tax(Struct, frozen=True, kw_only=True):
    """A tax contained in the total."""

    name: str
    percent: Decimal
    amount: Decimal


class PaymentReceipt(Struct, frozen=True, kw_only=True):
    """What was paid, with the taxes in it."""

    number: str
    about: str
    issued_at: datetime
    seller: Seller
    buyer: Buyer
    ordered_by: str
    description: str
    credits: Decimal
    currency: str
    net: Decimal
    taxes: list[Tax]
    total: Decimal
    payment_id: str
    paid_with: str


class BuyerDetails(Struct, frozen=True, kw_only=True):
    """What receipts say of the buyer. `address` may have several lines."""

    name: str = ""
    address: str = ""
    tax_id: str = ""


class Purchasing(Struct, frozen=True, kw_only=True):
    """Who may buy: `owner` or `owner_and_admins`; and what receipts say of the buyer."""

    purchase_roles: str
    buyer: BuyerDetails


class Overage(Struct, frozen=True, kw_only=True):
    """Use beyond the balance in this billing month. `blocked`: a bill was not paid."""

    cap_usd: Decimal
    price_usd: Decimal
    limit: Decimal
    used: Decimal
    cost_usd: Decimal
    resets_at: datetime
    blocked: bool


class Settings(Struct, frozen=True, kw_only=True):
    """Everything the organization has set."""

    alerts: Alerts
    purchasing: Purchasing
    overage: Overage


class OverageBill(Struct, frozen=True, kw_only=True):
    """The bill for what one billing month used beyond its balance."""

    id: str
    state: str
    period_start: datetime
    period_end: datetime
    credits: Decimal
    amount: Decimal
    currency: str
    payment_url: str | None
    receipt: str | None
    made_at: datetime
    due_at: datetime
    paid_at: datetime | None
