"""Finding usage: by user, use case, project and time, and summed by day.

Every look-up costs the same whatever the history behind it: the filters follow an index each, what a filter leaves open
is walked value by value, dates become bounds of the sequence number, and sums come from the daily figures.
"""

from datetime import date
from enum import StrEnum

import msgspec

from testkase.core.ledger.calendar import local_day
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
    if use_case is None and user is None and project is None:
        return (yield from _rows_of_all(org_id, limit=limit, before_seq=before_seq, since=since, until=until))
    kinds = [
        kind
        for kind in (yield from kinds_of(org_id, user=user))
        if use_case in (None, kind.use_case) and project in (None, kind.project)
    ]
    if not kinds:
        return []
    latest = yield from _instant_before(org_id, before_seq)
    wanted = {
        "org_id": org_id, "limit": limit, "before_seq": before_seq, "user": user,
        "use_cases": [kind.use_case for kind in kinds if kind.project],
        "projects": [kind.project for kind in kinds if kind.project],
        "without_project": [kind.use_case for kind in kinds if not kind.project],
        "since": 0 if since is None else since, "latest": latest if until is None else min(latest, until - 1),
    }  # fmt: skip
    return (yield Statement(_SQL["page_of_kinds" if user is None else "page_of_user"], wanted))


def _rows_of_all(
    org_id: int, *, limit: int, before_seq: int, since: int | None, until: int | None
) -> Operation[list[Row]]:
    """Without a filter the table's own key serves: dates become bounds of the sequence number."""
    from_seq = 0
    if since is not None:
        from_seq = yield from first_seq_from(org_id, since)
    if until is not None:
        before_seq = min(before_seq, (yield from first_seq_from(org_id, until)))
    bounds = {"org_id": org_id, "limit": limit, "from_seq": from_seq, "before_seq": before_seq}
    return (yield Statement(_SQL["page"], bounds))


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
    org_id: int, part: Part, *, time_zone: str, since: int, most: int, back_to: date | None = None
) -> Operation[list[DayPart]]:
    """Daily sums from the billing day of an instant on, in no order. Days without usage are left out.

    From a period's start on, their sum is the account's `period_used` (P11, I11). Of more than `most` parts, the
    largest `most` − 1 are told apart. `back_to`: days before, in one sum each, read along because it costs a part of
    what reading them by themselves does.
    """
    first_day = local_day(time_zone, since)
    rows = yield Statement(
        _SQL["by_day"],
        {"org_id": org_id, "part": part.value, "first_day": first_day, "back_to": back_to or first_day, "most": most},
    )
    return [DayPart(**row) for row in rows]


def first_seq_from(org_id: int, instant: int) -> Operation[int]:
    """The journal's first sequence number posted at or after an instant; 0 without an account."""
    rows = yield Statement(_SQL["first_seq_from"], {"org_id": org_id, "instant": instant})
    return int(rows[0]["seq"]) if rows else 0


def _instant_before(org_id: int, seq: int) -> Operation[int]:
    """Nothing below the number was posted later than this."""
    rows = yield Statement(_SQL["instant_before"], {"org_id": org_id, "seq": seq})
    return int(rows[0]["at"]) if rows else 0
