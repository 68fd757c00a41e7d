"""Finding usage: by user, use case, project and time, and summed by day.

Every look-up costs the same whatever the history behind it: the filters follow an index each, what a filter leaves open
is walked value by value, the newest months are looked at first, and sums come from the daily figures.
"""

from datetime import date
from enum import StrEnum
from typing import Any, LiteralString

import msgspec

from testkase.core.ledger.book import NEVER
from testkase.core.ledger.months import spans_back
from testkase.foundation.database import Operation, Row, Statement, named_statements

_SQL = named_statements("testkase.core.ledger.sql", "usage.sql")

NO_PROJECT = ""
"""As a filter: interactions that belong to no project."""


class Part(StrEnum):
    """What a breakdown is by."""

    USE_CASE = "use_case"
    USER = "user"
    PROJECT = "project"


class Kind(msgspec.Struct, frozen=True):
    """A use case in a project ('' for none)."""

    use_case: str
    project: str


class DayPart(msgspec.Struct, frozen=True, kw_only=True):
    """What one use case, user or project consumed on one day of the billing zone. `charged` in micro-credits. None: all
    that is not told apart."""

    day: date
    part: str | None
    interactions: int
    charged: int


def usage_rows(
    org_id: int,
    *,
    limit: int,
    before_seq: int,
    since: int | None = None,
    until: int | None = None,
    use_case: str | None = None,
    user: str | None = None,
    project: str | None = None,
) -> Operation[list[Row]]:
    """Rows of the usage table, newest first, below `before_seq`. `since` is included, `until` is not."""
    first, latest = yield from span_of(org_id, before_seq)
    first, latest = max(first, since or 0), latest if until is None else min(latest, until - 1)
    wanted: dict[str, Any] = {"org_id": org_id, "limit": limit, "before_seq": before_seq}
    if use_case is None and user is None and project is None:
        return (yield from newest_rows(_SQL["page"], wanted, since=first, latest=latest))
    kinds = [
        kind
        for kind in (yield from kinds_of(org_id, user=user))
        if use_case in (None, kind.use_case) and project in (None, kind.project)
    ]
    if not kinds:
        return []
    wanted |= {
        "user": user,
        "use_cases": [kind.use_case for kind in kinds if kind.project],
        "projects": [kind.project for kind in kinds if kind.project],
        "without_project": [kind.use_case for kind in kinds if not kind.project],
    }
    sql = _SQL["page_of_kinds" if user is None else "page_of_user"]
    return (yield from newest_rows(sql, wanted, since=first, latest=latest))


def newest_rows(sql: LiteralString, wanted: dict[str, Any], *, since: int, latest: int) -> Operation[list[Row]]:
    """The newest rows of a span of time, looked for in more and more months until there are enough of them."""
    rows: list[Row] = []
    missing: int = wanted["limit"]
    for first, last in spans_back(since, latest):
        rows += yield Statement(sql, wanted | {"since": first, "latest": last, "limit": missing})
        missing = wanted["limit"] - len(rows)
        if not missing:
            break
    return rows


def span_of(org_id: int, before_seq: int = NEVER) -> Operation[tuple[int, int]]:
    """When an organization's first entry was posted, and its newest, or the one of a number; 0 without any."""
    rows = yield Statement(_SQL["span"], {"org_id": org_id, "before": just_before(before_seq)})
    return (rows[0]["first"], rows[0]["latest"]) if rows else (0, 0)


def just_before(seq: int) -> int:
    """The number behind which an entry of that number is the next in the journal, whatever a caller gives for one."""
    return min(max(seq, 1), NEVER) - 1


def kinds_of(org_id: int, *, user: str | None = None) -> Operation[list[Kind]]:
    """Every use case and project that occurs together in an organization's usage, or in one user's."""
    name = "kinds" if user is None else "kinds_of_user"
    rows = yield Statement(_SQL[name], {"org_id": org_id, "user": user})
    return [Kind(**row) for row in rows]


def users_of(org_id: int, *, limit: int) -> Operation[list[str]]:
    """Everybody who occurs in an organization's usage, in order; the first so many."""
    rows = yield Statement(_SQL["users"], {"org_id": org_id, "limit": limit})
    return [row["user_ref"] for row in rows]


def usage_by_day(
    org_id: int, part: Part, *, first_day: date, most: int, back_to: date | None = None
) -> Operation[list[DayPart]]:
    """Daily sums from a day of the billing zone on, in no order. Days without usage are left out.

    From a period's first one on, their sum is the account's `period_used` (P11, I11). Of more than `most` parts, the
    largest `most` − 1 are told apart. `back_to`: days before, in one sum each, read along because it costs a part of
    what reading them by themselves does.
    """
    rows = yield Statement(
        _SQL["by_day"],
        {"org_id": org_id, "part": part.value, "first_day": first_day, "back_to": back_to or first_day, "most": most},
    )
    return [DayPart(**row) for row in rows]
