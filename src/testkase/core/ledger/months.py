"""The months by which entries and usage are kept apart: a partition each, in UTC, made ahead of time (decisions 15,
22).

Nothing is wrong where one is missing: what comes then lies in the partition for the rest, until the month is made.
"""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from testkase.core.ledger.calendar import from_micros, to_micros
from testkase.foundation.database import Operation, Statement

AHEAD = 3
"""So many months after this one have a partition."""

_STEPS = (1, 12)
"""A look goes so many months further back each time: nearly every page is full after the first."""


class Months(msgspec.Struct, frozen=True, kw_only=True):
    """How far there are partitions, in microseconds UTC. `strays`: rows lie behind them."""

    ends_at: int
    strays: bool

    def lacking(self, now: int) -> bool:
        """Whether the next month has none, or rows already lie outside of theirs: somebody must look at the worker."""
        return self.strays or self.ends_at < month_start(now, 2)


def prepare_months(ahead: int = AHEAD) -> Operation[int]:
    """Make what is missing of this month's partitions and the next ones'; how many that were. Needs no organization."""
    (row,) = yield Statement("SELECT ledger.prepare_months(%(ahead)s) AS made", {"ahead": ahead})
    return int(row["made"])


def months_standing() -> Operation[Months]:
    """How far the partitions go. Needs no organization."""
    (row,) = yield Statement("SELECT ends_at, strays FROM ledger.months_standing()")
    return Months(**row)


def month_start(instant: int, later: int = 0) -> int:
    """When the UTC month of an instant begins, or the one so many months later, in microseconds."""
    at = from_micros(instant)
    years, month = divmod(at.month - 1 + later, 12)
    return to_micros(datetime(at.year + years, month + 1, 1, tzinfo=UTC))


def spans_back(since: int, latest: int) -> Iterator[tuple[int, int]]:
    """A span of time from its end to its beginning, both included, in parts that grow: the newest months, a year more,
    and the rest."""
    for months in _STEPS:
        first = month_start(latest, -months)
        if first <= since:
            break
        yield first, latest
        latest = first - 1
    if since <= latest:
        yield since, latest
