"""Balance, lots, usage, receipts of calls, statements and the activity history."""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct

from testkase_client.answers.holds import Tokens


class Balance(Struct, frozen=True, kw_only=True):
    """The organization's credits. What is left of the monthly allowance expires at `resets_at`."""

    available: Decimal
    held: Decimal
    debt: Decimal
    overage_limit: Decimal
    overage: Decimal
    overage_used: Decimal
    this_month: Decimal
    monthly_allowance: Decimal
    ai_enabled: bool
    period_start: datetime
    resets_at: datetime
    time_zone: str
    as_of: datetime
    buy_url: str


class Lot(Struct, frozen=True, kw_only=True):
    """Credits that came together and expire together."""

    id: str
    source: str
    paid: bool
    granted: Decimal
    available: Decimal
    held: Decimal
    reversed: Decimal
    frozen: bool
    granted_at: datetime
    expires_at: datetime | None


class Interaction(Struct, frozen=True, kw_only=True):
    """One AI interaction. `cost` differs from `charged` only where a call overran both its hold and the balance."""

    id: str
    call_id: str
    at: datetime
    use_case: str
    user: str
    project: str | None
    model: str | None
    outcome: str
    measurement: str
    usage: Tokens
    charged: Decimal
    cost: Decimal
    rate_card: str | None


class ReceiptRates(Struct, frozen=True, kw_only=True):
    """Credits per million tokens of each bucket, as they were at the call."""

    rate_card: str
    model: str
    input: Decimal
    cached_input: Decimal
    cache_write: Decimal
    output: Decimal
    reasoning: Decimal
    charge_increment: Decimal


class ReceiptLot(Struct, frozen=True, kw_only=True):
    """What was taken from one lot."""

    id: str
    source: str
    expires_at: datetime | None
    charged: Decimal


class CallReceipt(Interaction, frozen=True, kw_only=True):
    """Everything a charge follows from: before - charged - expired + reversed + lent = after."""

    rates: ReceiptRates | None
    lots: list[ReceiptLot]
    expired_on_release: Decimal
    reversed_on_release: Decimal
    lent: Decimal
    balance_before: Decimal
    balance_after: Decimal
    available: Decimal
    hash: str


class UseCaseTotal(Struct, frozen=True, kw_only=True):
    """What one use case used in the billing month."""

    use_case: str
    interactions: int
    charged: Decimal
    input_tokens: int
    output_tokens: int


class UsageSummary(Struct, frozen=True, kw_only=True):
    """The billing month so far, by use case."""

    period_start: datetime
    period_end: datetime
    this_month: Decimal
    items: list[UseCaseTotal]


class Statement(Struct, frozen=True, kw_only=True):
    """What a billing month opened with, what came and went, and what was left."""

    period: str
    started_at: datetime
    ends_at: datetime
    closed: bool
    opening: Decimal
    allowance: Decimal
    granted: Decimal
    bought: Decimal
    adjusted: Decimal
    used: Decimal
    expired: Decimal
    reversed: Decimal
    overage: Decimal
    debt: Decimal
    closing: Decimal


class StatementPart(Struct, frozen=True, kw_only=True):
    """What one use case, user or project used."""

    name: str | None
    interactions: int
    charged: Decimal


class StatementExpiry(Struct, frozen=True, kw_only=True):
    """Credits that expired."""

    at: datetime
    expired: Decimal
    lot: str | None
    source: str | None


class FullStatement(Statement, frozen=True, kw_only=True):
    """A billing month with what used it."""

    interactions: int
    by_use_case: list[StatementPart]
    by_user: list[StatementPart]
    by_project: list[StatementPart]
    expiries: list[StatementExpiry]


class AuditActor(Struct, frozen=True, kw_only=True):
    """Who did it, and what they were called then."""

    kind: str
    ref: str
    name: str


class AuditEvent(Struct, frozen=True, kw_only=True):
    """One AI action or one change."""

    id: str
    at: datetime
    kind: str
    action: str
    summary: str
    actor: AuditActor
    project: str | None
    use_case: str | None
    credits: Decimal | None
    receipt: str | None
    target: str | None
    details: dict[str, str]
    hash: str | None


class ProblemMeaning(Struct, frozen=True, kw_only=True):
    """What a problem's code means and what to do about it."""

    code: str
    status: int
    title: str
    next: str
