"""The usage table and its receipts as programs see them."""

from typing import Annotated

from msgspec import Meta, Struct

from testkase.core.ledger.credits import format_credits
from testkase.core.ledger.queries import LotLine, Receipt, UsageRow
from testkase.core.ledger.terms import Rates
from testkase.entrypoints.api.fields import Credits, Name, SignedCredits, Slug, instant
from testkase.entrypoints.api.v1.hold_schemas import UsageTokens

Limit = Annotated[int, Meta(ge=1, le=200, description="Items on a page.")]
Cursor = Annotated[str, Meta(max_length=40, description="`next_cursor` of the page before.")]
Time = Annotated[str, Meta(max_length=40, description="RFC 3339 with an offset.", examples=["2026-11-01T00:00:00Z"])]


class UsageQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filters and page of the usage list. `since` is included, `until` is not."""

    limit: Limit = 50
    cursor: Cursor | None = None
    since: Time | None = None
    until: Time | None = None
    use_case: Slug | None = None
    user: Name | None = None
    project: Name | None = None


class UsageItem(Struct, frozen=True, kw_only=True):
    """One AI interaction. `cost` differs from `charged` only where a call overran both its hold and the balance."""

    id: str
    call_id: str
    at: str
    use_case: str
    user: str
    project: str | None
    model: str | None
    outcome: str
    measurement: str
    usage: UsageTokens
    charged: Credits
    cost: Credits
    rate_card: str | None

    @classmethod
    def of(cls, row: UsageRow) -> "UsageItem":
        return cls(
            id=str(row.seq),
            call_id=row.usage_id,
            at=instant(row.at),
            use_case=row.use_case,
            user=row.user,
            project=row.project,
            model=row.model,
            outcome=row.outcome,
            measurement=row.measurement,
            usage=UsageTokens.of(row.tokens),
            charged=format_credits(row.charged),
            cost=format_credits(row.cost),
            rate_card=row.rate_card,
        )


class UsagePage(Struct, frozen=True, kw_only=True):
    """Newest first. `next_cursor` is null on the last page."""

    items: list[UsageItem]
    next_cursor: str | None


class UseCaseTotal(Struct, frozen=True, kw_only=True):
    """What one use case consumed in the period."""

    use_case: str
    interactions: int
    charged: Credits
    input_tokens: int
    output_tokens: int


class UsageSummary(Struct, frozen=True, kw_only=True):
    """This period by use case, largest first; the items add up to `this_month`."""

    period_start: str
    period_end: str
    this_month: Credits
    items: list[UseCaseTotal]


class ReceiptRates(Struct, frozen=True, kw_only=True):
    """Credits per million tokens of each bucket, as they held for this call."""

    rate_card: str
    model: str
    input: Credits
    cached_input: Credits
    cache_write: Credits
    output: Credits
    reasoning: Credits
    charge_increment: Credits


class ReceiptLot(Struct, frozen=True, kw_only=True):
    """Credits one lot gave to the call."""

    id: str
    source: str
    expires_at: str | None
    charged: Credits

    @classmethod
    def of(cls, line: LotLine) -> "ReceiptLot":
        return cls(
            id=str(line.lot.lot_id),
            source=line.lot.source,
            expires_at=instant(line.lot.expires_at) if line.lot.expires_at is not None else None,
            charged=format_credits(line.charged),
        )


class ReceiptView(UsageItem, frozen=True, kw_only=True):
    """Everything the charge follows from: tokens × rates, rounded up once, from which lots, and the balance (available
    and held together) before and after: before - charged - expired + reversed + lent = after. `reversed_on_release` is
    what a refund or dispute kept of what was released, below zero, or gave back; `lent` is overage. `hash` is the
    entry's place in the organization's hash chain."""

    rates: ReceiptRates | None
    lots: list[ReceiptLot]
    expired_on_release: Credits
    reversed_on_release: SignedCredits
    lent: SignedCredits
    balance_before: Credits
    balance_after: Credits
    available: Credits
    hash: str

    @classmethod
    def of_receipt(cls, receipt: Receipt) -> "ReceiptView":
        item = UsageItem.of(receipt.usage)
        terms = receipt.terms
        return cls(
            **{name: getattr(item, name) for name in UsageItem.__struct_fields__},
            rates=_rates(terms.rate_card, terms.model, terms.charge_increment, receipt.rates)
            if terms is not None and receipt.rates is not None
            else None,
            lots=[ReceiptLot.of(line) for line in receipt.lots],
            expired_on_release=format_credits(receipt.expired_on_release),
            reversed_on_release=format_credits(receipt.reversed_on_release),
            lent=format_credits(receipt.lent),
            balance_before=format_credits(receipt.balance_before),
            balance_after=format_credits(receipt.balance_after),
            available=format_credits(receipt.available_after),
            hash=receipt.hash,
        )


def _rates(rate_card: str, model: str, increment: int, rates: Rates) -> ReceiptRates:
    return ReceiptRates(
        rate_card=rate_card,
        model=model,
        input=format_credits(rates.input),
        cached_input=format_credits(rates.cached_input),
        cache_write=format_credits(rates.cache_write),
        output=format_credits(rates.output),
        reasoning=format_credits(rates.reasoning),
        charge_increment=format_credits(increment),
    )
