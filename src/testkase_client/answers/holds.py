"""What holds, settlements and usage metered after the fact answer."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec import Struct

from testkase_client.problems import Problem, Unreadable, problem_of

T = TypeVar("T")

Outcome = Literal["completed", "cancelled", "failed", "refused"]
"""How a call ended. `failed` and `refused` cost nothing."""

Measurement = Literal["exact", "partial", "estimated"]
"""Where token counts come from: the provider's usage, a stream that was cut, or an estimate."""


class Tokens(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Tokens in disjoint buckets: `input_tokens` excludes cached reads and cache writes, `output_tokens` reasoning."""

    input_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0


class OpenedHold(Struct, frozen=True, kw_only=True):
    """A hold as it was opened. `replayed`, here and below: the id came before, and this is what was answered then."""

    id: str
    state: str
    amount: Decimal
    expires_at: datetime
    balance: Decimal
    replayed: bool = False


class HoldState(Struct, frozen=True, kw_only=True):
    """A hold as it stands."""

    id: str
    state: str
    amount: Decimal
    charged: Decimal
    opened_at: datetime | None = None
    expires_at: datetime | None = None
    resolved_at: datetime | None = None
    receipt: str | None = None


class Settlement(Struct, frozen=True, kw_only=True):
    """What was charged and what went back."""

    charged: Decimal
    released: Decimal
    balance: Decimal
    receipt: str
    replayed: bool = False


class Extension(Struct, frozen=True, kw_only=True):
    """A hold that lives longer, or holds more."""

    id: str
    state: str
    added: Decimal
    expires_at: datetime
    balance: Decimal
    replayed: bool = False


class Release(Struct, frozen=True, kw_only=True):
    """A hold that went back in full."""

    id: str
    state: str
    released: Decimal
    balance: Decimal
    replayed: bool = False


class RecordedUsage(Struct, frozen=True, kw_only=True):
    """What usage metered after the fact was charged."""

    charged: Decimal
    balance: Decimal
    receipt: str
    replayed: bool = False


class RawItem(Struct, frozen=True, kw_only=True):
    """An item of a batch as it is answered."""

    status: int
    answer: dict[str, Any] | None = None
    replayed: bool = False
    problem: dict[str, Any] | None = None


class RawBatch(Struct, frozen=True, kw_only=True):
    """The items' answers, in the order of the items."""

    items: list[RawItem]


class ItemResult(Struct, Generic[T], frozen=True, kw_only=True):
    """What became of one item of a batch: either `answer` or `problem`."""

    id: str
    answer: T | None = None
    problem: Problem | None = None

    def result(self) -> T:
        """The answer. Raises the item's Problem."""
        if self.answer is None:
            raise self.problem or LookupError(self.id)
        return self.answer


def item_result(item_id: str, raw: RawItem, kind: type[T]) -> ItemResult[T]:
    """From the item as it was answered. Raises Unreadable."""
    if raw.answer is None or raw.problem is not None:
        return ItemResult(id=item_id, problem=problem_of(raw.problem or {"status": raw.status}))
    try:
        return ItemResult(id=item_id, answer=msgspec.convert(raw.answer | {"replayed": raw.replayed}, kind))
    except msgspec.ValidationError as error:
        raise Unreadable(f"The answer to {item_id} cannot be read: {error}", code="unreadable", status=200) from None
