"""What goes in and out of holds, settlements and usage metered after the fact."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from testkase.core.ledger.terms import Tokens
from testkase.entrypoints.api.fields import Credits, Id, ModelName, Name, Slug, TokenCount, TtlSeconds

OutcomeText = Annotated[
    Literal["completed", "cancelled", "failed", "refused"],
    Meta(description="How the call ended. `failed` and `refused` cost nothing, whatever was used."),
]
MeasurementText = Annotated[
    Literal["exact", "partial", "estimated"],
    Meta(description="Where the token counts come from: the provider's usage, a stream that was cut, or an estimate."),
]

MOST_ITEMS = 1_000


class UsageTokens(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Tokens in disjoint buckets: every token is counted in exactly one. `input_tokens` excludes cached reads and cache
    writes, `output_tokens` excludes reasoning."""

    input_tokens: TokenCount = 0
    cached_input_tokens: TokenCount = 0
    cache_write_tokens: TokenCount = 0
    output_tokens: TokenCount = 0
    reasoning_tokens: TokenCount = 0

    def tokens(self) -> Tokens:
        return Tokens(
            input=self.input_tokens,
            cached_input=self.cached_input_tokens,
            cache_write=self.cache_write_tokens,
            output=self.output_tokens,
            reasoning=self.reasoning_tokens,
        )

    @classmethod
    def of(cls, tokens: Tokens) -> "UsageTokens":
        return cls(
            input_tokens=tokens.input,
            cached_input_tokens=tokens.cached_input,
            cache_write_tokens=tokens.cache_write,
            output_tokens=tokens.output,
            reasoning_tokens=tokens.reasoning,
        )


class HoldRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Set credits aside for one call: either `credits`, or the size of the call and its model. Without
    `max_output_tokens` it is the most that the model can answer."""

    use_case: Slug
    user: Name
    id: Id | None = None
    project: Name | None = None
    model: ModelName | None = None
    input_tokens: TokenCount | None = None
    max_output_tokens: TokenCount | None = None
    credits: Credits | None = None
    ttl_seconds: TtlSeconds = 300


class HoldAnswer(Struct, frozen=True, kw_only=True):
    """The hold as it was opened. Repeating the request answers the same again."""

    id: str
    state: str
    amount: Credits
    expires_at: str
    balance: Credits


class HoldView(Struct, frozen=True, kw_only=True):
    """A hold as it stands. `expires_at` is there while it is open, `resolved_at` afterwards, and
    `receipt` once it was settled. `amount` is what is held, or was when it was resolved; parts charged before by
    `final: false` have receipts of their own."""

    id: str
    state: Literal["open", "settled", "voided", "lapsed"]
    amount: Credits
    charged: Credits
    opened_at: str
    expires_at: str | None = None
    resolved_at: str | None = None
    receipt: str | None = None


class SettlementRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the call used: `usage` in tokens, priced at the rates the hold was opened under, or `credits`.

    `final: false` charges a part under its own `capture_id` and leaves the rest held.
    """

    usage: UsageTokens | None = None
    credits: Credits | None = None
    outcome: OutcomeText = "completed"
    measurement: MeasurementText = "exact"
    final: bool = True
    capture_id: Id | None = None


class SettlementItem(SettlementRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One settlement of a batch: the same, with the hold's `id`."""

    id: Id


class SettlementAnswer(Struct, frozen=True, kw_only=True):
    """What was charged and what was given back. `receipt` is read at /usage/{receipt}."""

    charged: Credits
    released: Credits
    balance: Credits
    receipt: str


class ExtensionRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Let a hold live `ttl_seconds` from now, and grow by `credits` where given."""

    id: Id | None = None
    ttl_seconds: TtlSeconds = 300
    credits: Credits | None = None


class ExtensionAnswer(Struct, frozen=True, kw_only=True):
    """The hold's new time to live, and what it grew by."""

    id: str
    state: str
    added: Credits
    expires_at: str
    balance: Credits


class ReleaseAnswer(Struct, frozen=True, kw_only=True):
    """A hold that was voided: everything went back."""

    id: str
    state: str
    released: Credits
    balance: Credits


class UsageRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call that was made without a hold, or whose hold lapsed: charged at once, if the balance covers it."""

    use_case: Slug
    user: Name
    id: Id | None = None
    project: Name | None = None
    model: ModelName | None = None
    usage: UsageTokens | None = None
    credits: Credits | None = None
    outcome: OutcomeText = "completed"
    measurement: MeasurementText = "exact"


class UsageAnswer(Struct, frozen=True, kw_only=True):
    """What was charged. `receipt` is read at /usage/{receipt}."""

    charged: Credits
    balance: Credits
    receipt: str


class HoldBatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to a thousand holds; each stands on its own. Items are HoldRequest objects, each with an `id`."""

    items: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MOST_ITEMS)]


class SettlementBatch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Up to a thousand settlements; each stands on its own. Items are SettlementItem objects."""

    items: Annotated[list[msgspec.Raw], Meta(min_length=1, max_length=MOST_ITEMS)]


class ItemAnswer(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to one item of a batch: what the single request would have answered."""

    status: int
    answer: Any = None
    replayed: bool = False
    problem: dict[str, Any] | None = None


class BatchAnswer(Struct, frozen=True, kw_only=True):
    """Answers in the order of the items."""

    items: list[ItemAnswer]
