"""Finding changes: by actor, project, feature, category and time, each page at the same cost whatever the history.

As in the usage table (core/ledger/consumption.py): filters follow an index, and what a filter leaves open is walked
value by value.
"""

from typing import Any

import msgspec

from testkase.foundation.database import Operation, Row, Statement, named_statements
from testkase.services.audit.chain import record_of
from testkase.services.audit.model import Record

_SQL = named_statements("testkase.services.audit.sql", "history.sql")


class Subject(msgspec.Struct, frozen=True):
    """What a change concerned. '' stands for no project, no feature."""

    project: str
    use_case: str
    category: str


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A record with its place in the chain."""

    record: Record
    hash: bytes


def changes(
    org_id: int,
    *,
    limit: int,
    before_seq: int,
    since: int | None = None,
    until: int | None = None,
    actor: str | None = None,
    category: str | None = None,
    project: str | None = None,
    use_case: str | None = None,
) -> Operation[list[Found]]:
    """Records below `before_seq`, newest first; `since` is included, `until` is not. The project '' means none."""
    newest = yield Statement(_SQL["newest_below"], {"org_id": org_id, "before_seq": before_seq})
    if not newest:
        return []
    latest: int = newest[0]["at"]
    end = (latest, before_seq) if until is None or until > latest else (until, 0)
    wanted: dict[str, Any] = {
        "org_id": org_id, "limit": limit, "since": 0 if since is None else since, "until": end[0], "until_seq": end[1],
        "actor": actor,
    }  # fmt: skip
    if actor is category is project is use_case is None:
        return _found((yield Statement(_SQL["page"], wanted)))
    subjects = [
        subject
        for subject in (yield from subjects_of(org_id, actor=actor))
        if category in (None, subject.category)
        and project in (None, subject.project)
        and use_case in (None, subject.use_case)
    ]
    if not subjects:
        return []
    wanted |= {
        "projects": [subject.project for subject in subjects],
        "use_cases": [subject.use_case for subject in subjects],
        "categories": [subject.category for subject in subjects],
    }
    return _found((yield Statement(_SQL["page_of_kinds" if actor is None else "page_of_actor"], wanted)))


def subjects_of(org_id: int, *, actor: str | None = None) -> Operation[list[Subject]]:
    """Every project, feature and category that occur together in the records, or in one actor's."""
    name = "kinds" if actor is None else "kinds_of_actor"
    rows = yield Statement(_SQL[name], {"org_id": org_id, "actor": actor})
    return [Subject(**row) for row in rows]


def actors_of(org_id: int, *, limit: int) -> Operation[dict[str, str]]:
    """Who occurs in the records: name by reference, the first so many by reference."""
    rows = yield Statement(_SQL["actors"], {"org_id": org_id, "limit": limit})
    return {row["actor_ref"]: row["actor_name"] for row in rows}


def _found(rows: list[Row]) -> list[Found]:
    return [Found(record=record_of(row), hash=bytes(row["hash"])) for row in rows]
