"""One history of AI actions and changes (R74, R75): two journals merged by time as they are read, written once each.

In both journals numbers and instants rise together and are given under a lock, so a place in the history is a pair of
numbers: the newest row of each journal that has not been shown. Rows written meanwhile are above it: going on from
there shows what was there when reading began, each row once, in one order.
"""

from collections.abc import Iterator
from heapq import merge
from itertools import islice
from typing import Literal

import msgspec

from testkase.core.ledger.queries import UsageRow, usage_page
from testkase.foundation.database import Operation
from testkase.services.audit.finding import Found, changes
from testkase.services.audit.model import Category

Kind = Literal["ai"] | Category
KINDS: tuple[Kind, ...] = ("ai", "money", "people", "settings", "keys")
"""AI actions, and what a change can be about."""

_TOP = 2**63 - 1


class Place(msgspec.Struct, frozen=True):
    """A place in the history: rows below these numbers follow."""

    usage: int = _TOP
    change: int = _TOP

    def __str__(self) -> str:
        return f"{self.usage}.{self.change}"

    @classmethod
    def parse(cls, text: str | None) -> "Place | None":
        """The place a text names, as `str` wrote it; None where it names none."""
        numbers = (text or "").split(".")
        if len(numbers) != 2 or not all(n.isascii() and n.isdigit() and len(n) <= 19 for n in numbers):
            return None
        usage, change = map(int, numbers)
        return cls(usage, change) if max(usage, change) <= _TOP else None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What the history is narrowed to; None: not by this. Instants in microseconds, `since` included, `until` not. The
    project '' means none at all."""

    kind: Kind | None = None
    user: str | None = None
    use_case: str | None = None
    project: str | None = None
    since: int | None = None
    until: int | None = None


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened: an AI action or a change."""

    usage: UsageRow | None = None
    change: Found | None = None

    @property
    def at(self) -> int:
        """When, in microseconds."""
        return self._order[0]

    @property
    def id(self) -> str:
        """Its name in the organization's history: "ai-17", "change-4"."""
        return f"ai-{self.usage.seq}" if self.usage else f"change-{self._order[2]}"

    @property
    def _order(self) -> tuple[int, bool, int]:
        """Rises along the history. Of one instant, the change comes after the action."""
        if self.usage is not None:
            return self.usage.at, False, self.usage.seq
        assert self.change is not None
        return self.change.record.at, True, self.change.record.seq


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the history, newest first, and where the next one begins."""

    events: list[Event]
    next: Place | None


def history_page(org_id: int, wanted: Wanted, *, limit: int, after: Place | None = None) -> Operation[Page]:
    """At most `limit` (up to 499) events from a place on. The cost does not depend on the history."""
    place = after or Place()
    usage: list[UsageRow] = []
    found: list[Found] = []
    filters = {
        "since": wanted.since, "until": wanted.until, "project": wanted.project, "use_case": wanted.use_case,
    }  # fmt: skip
    if wanted.kind in (None, "ai"):
        usage = yield from usage_page(
            org_id,
            limit=limit + 1,
            before_seq=place.usage,
            user=wanted.user,
            **filters,  # type: ignore[arg-type]
        )
    if wanted.kind != "ai":
        found = yield from changes(
            org_id,
            limit=limit + 1,
            before_seq=place.change,
            actor=wanted.user,
            category=wanted.kind,
            **filters,  # type: ignore[arg-type]
        )
    events = list(islice(_merged(usage, found), limit))
    last_usage = sum(1 for event in events if event.usage)
    left_usage, left_found = usage[last_usage:], found[len(events) - last_usage :]
    if not left_usage and not left_found:
        return Page(events=events, next=None)
    # A journal with nothing left has nothing below either: what is written from now on is not part of this reading.
    following = Place(left_usage[0].seq + 1 if left_usage else 0, left_found[0].record.seq + 1 if left_found else 0)
    return Page(events=events, next=following)


def _merged(usage: list[UsageRow], found: list[Found]) -> Iterator[Event]:
    actions = (Event(usage=row) for row in usage)
    others = (Event(change=one) for one in found)
    return merge(actions, others, key=lambda event: event._order, reverse=True)  # noqa: SLF001 - its own order
