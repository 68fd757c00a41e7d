"""Purchases, receipts and bills as programs see them. Money is a decimal string with its currency beside it."""

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from testkase.core.ledger.credits import format_credits
from testkase.core.pricing.money import decimal_money
from testkase.entrypoints.api.fields import Credits, Id, cursor, instant, matching
from testkase.entrypoints.api.v1.statement_views import Limit as FewRows
from testkase.entrypoints.api.v1.usage_schemas import Limit
from testkase.foundation.clock import rfc3339
from testkase.foundation.links import page_of
from testkase.services.billing.model import BillState, Purchase, PurchaseState
from testkase.services.billing.purchasing.rows import Attempt

PAGE_PATH = "/settings/billing/purchases/"

Money = Annotated[
    str,
    Meta(pattern=r"^(0|[1-9][0-9]*)(\.[0-9]+)?\Z", description="Decimal string, in `currency`.", examples=["50.00"]),
]
BundleKey = Annotated[str, Meta(min_length=1, max_length=64, description="`key` of GET /bundles.")]
Currency = Annotated[
    str,
    matching(
        "[A-Z]{3}", "A currency is three capital letters, such as USD",
        "One that GET /bundles has prices in. Nothing is converted.", "USD",
    ),
]  # fmt: skip
PurchaseCursor = Annotated[str, cursor(r"[0-9]{1,16}\.[!-~]{1,40}")]
BillCursor = Annotated[str, cursor(r"[0-9]{1,9}")]


class PurchaseQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Page of the list of purchases."""

    limit: Limit = 50
    cursor: PurchaseCursor | None = None
    state: PurchaseState | None = None


class PurchaseRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A bundle to buy. The price is the price book's."""

    id: Id | None = None
    bundle: BundleKey
    currency: Currency = "USD"


class BoughtBy(Struct, frozen=True, kw_only=True):
    """Who set out to buy, as they were called then."""

    kind: Literal["person", "api_key"]
    name: str


class AttemptView(Struct, frozen=True, kw_only=True):
    """One payment, as last heard of. `verdict`: `granted` paid for the purchase; `surplus` is a second one beside it,
    `mismatch` is not what was ordered, and neither grants anything. `went_back` is what refunds and lost disputes took
    of it together, `refunded` what the provider calls so."""

    payment_id: str
    status: str
    verdict: str
    amount: Money
    currency: str
    refunded: Money
    went_back: Money
    method: str
    instrument: str
    failure: str
    at: str

    @classmethod
    def of(cls, one: Attempt) -> "AttemptView":
        return cls(
            payment_id=one.payment_id, status=one.status, verdict=one.verdict,
            amount=decimal_money(one.amount, one.currency), currency=one.currency,
            refunded=decimal_money(one.amount_refunded, one.currency),
            went_back=decimal_money(one.went_back, one.currency), method=one.method, instrument=one.instrument,
            failure=one.failure, at=instant(one.at * 1_000_000),
        )  # fmt: skip


class PurchaseView(Struct, frozen=True, kw_only=True):
    """A purchase. `created`: no order yet, repeat the request; `open`: a person pays at `payment_url`; `paid`: the
    credits are there; `closed`: nobody paid for days. `taken_back` went with refunds and lost disputes; while
    `disputed`, what is left of its credits is out of reach."""

    id: str
    request_id: str
    state: PurchaseState
    bundle: str
    name: str
    credits: Credits
    amount: Money
    currency: str
    order_id: str | None
    payment_id: str | None
    payment_url: str
    receipt: str | None
    expires_at: str | None
    failure: str
    taken_back: Credits
    disputed: bool
    bought_by: BoughtBy
    created_at: str
    paid_at: str | None
    attempts: list[AttemptView]

    @classmethod
    def of(
        cls, one: Purchase, *, public_url: str, receipt: str | None, attempts: tuple[Attempt, ...]
    ) -> "PurchaseView":
        return cls(
            id=one.purchase_id, request_id=one.request_id, state=one.state, bundle=one.bundle, name=one.bundle_name,
            credits=format_credits(one.credits), amount=decimal_money(one.amount, one.currency), currency=one.currency,
            order_id=one.order_id, payment_id=one.payment_id,
            payment_url=page_of(one.org_id, public_url, f"{PAGE_PATH}{one.purchase_id}"),
            receipt=receipt, expires_at=None if one.lot_expires_at is None else instant(one.lot_expires_at),
            failure=one.failure, taken_back=format_credits(one.clawed), disputed=one.frozen,
            bought_by=BoughtBy(kind=one.buyer_kind, name=one.buyer_name), created_at=rfc3339(one.created_at),
            paid_at=rfc3339_or_none(one.paid_at), attempts=[AttemptView.of(each) for each in attempts],
        )  # fmt: skip


class PurchasePage(Struct, frozen=True, kw_only=True):
    """Newest first. `next_cursor` is null on the last page."""

    items: list[PurchaseView]
    next_cursor: str | None


class SellerView(Struct, frozen=True, kw_only=True):
    """Who sold."""

    name: str
    address: list[str]
    email: str
    tax_id: str


class BuyerView(Struct, frozen=True, kw_only=True):
    """Who bought."""

    name: str
    address: list[str]
    tax_id: str


class TaxView(Struct, frozen=True, kw_only=True):
    """A tax included in the total."""

    name: str
    percent: str
    amount: Money


class PaymentReceiptView(Struct, frozen=True, kw_only=True):
    """What was paid, as the receipt says it for ever. `about` is the purchase or bill."""

    number: str
    about: str
    issued_at: str
    seller: SellerView
    buyer: BuyerView
    ordered_by: str
    description: str
    credits: Credits
    currency: str
    net: Money
    taxes: list[TaxView]
    total: Money
    payment_id: str
    paid_with: str


class BillQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Page of the list of bills."""

    limit: FewRows = 12
    cursor: BillCursor | None = None


class BillView(Struct, frozen=True, kw_only=True):
    """What a billing month's use beyond the balance costs. `due`: its payment page is being made; `open`: to be paid
    at `payment_url`; `unpaid`: its time is over, and overage cannot be allowed until it is paid; `paid`;
    `waived`: staff let it go. `receipt` is of the newest payment that paid it: one whose money went back is paid
    again."""

    id: str
    state: BillState
    period_start: str
    period_end: str
    credits: Credits
    amount: Money
    currency: str
    payment_url: str | None
    receipt: str | None
    made_at: str
    due_at: str
    paid_at: str | None


class BillPage(Struct, frozen=True, kw_only=True):
    """Newest first. `next_cursor` is null on the last page."""

    items: list[BillView]
    next_cursor: str | None


def rfc3339_or_none(moment: datetime | None) -> str | None:
    """The instant as a text, where there is one."""
    return None if moment is None else rfc3339(moment)
