"""Erasure: the Owner has content removed; figures stay (docs/decisions/0012-erasure.md).

What is asked for is written down and recorded at once; a job erases in small steps and may begin again at any time.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import LiteralString, cast

import msgspec

from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import InvalidInput, NotFound
from testkase.services.audit import Activity, Actor, record
from testkase.services.privacy.model import Content, ContentTable
from testkase.services.privacy.registry import BY_SLUG, CONTENT
from testkase.services.privacy.steps import take

PROJECT, PERSON, AI, EVERYTHING = "project", "person", "ai", "everything"
"""Scopes beside the slugs of single items: AI content of a project, of a person, all of it; and everything there is."""

_ASK = """
INSERT INTO erasure (org_id, erasure_id, scope, target, label, asked_ref, asked_name)
VALUES (%(org_id)s, %(erasure_id)s, %(scope)s, %(target)s, %(label)s, %(ref)s, %(name)s)
ON CONFLICT (org_id, erasure_id) DO NOTHING RETURNING 1
"""
_FIND = """
SELECT erasure_id, scope, target, label, state, erased, asked_ref, asked_name, asked_at, finished_at
FROM erasure WHERE org_id = %(org_id)s AND erasure_id = %(erasure_id)s
"""
_NEWEST = """
SELECT erasure_id, scope, target, label, state, erased, asked_ref, asked_name, asked_at, finished_at
FROM erasure WHERE org_id = %(org_id)s ORDER BY asked_at DESC LIMIT 10
"""
_EXISTS = "SELECT EXISTS (SELECT FROM <table> AS c WHERE c.org_id = %(org_id)s AND <item>)"
_COUNT = "UPDATE erasure SET erased = erased + %(rows)s WHERE org_id = %(org_id)s AND erasure_id = %(erasure_id)s"
_DONE = """
UPDATE erasure SET state = 'done', finished_at = now()
WHERE org_id = %(org_id)s AND erasure_id = %(erasure_id)s AND state = 'queued' RETURNING erased
"""


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was asked to be erased, and how far that is."""

    erasure_id: str
    scope: str
    target: str
    label: str
    state: str
    erased: int
    asked_ref: str
    asked_name: str
    asked_at: datetime
    finished_at: datetime | None


def ask_erasure(org_id: int, *, erasure_id: str, scope: str, target: str, label: str, actor: Actor) -> Operation[bool]:
    """Write down what is to be erased; the caller defers the job in the same transaction. Answers whether it is new.

    `target` is an item's number, a project's id or a person's reference; '' for all. Raises InvalidInput.
    """
    if scope not in {PROJECT, PERSON, AI, EVERYTHING} and not _items(scope):
        raise InvalidInput("Say what is to be erased.", field="scope")
    if scope not in {PERSON, AI, EVERYTHING} and not (target.isascii() and target.isdigit() and len(target) < 19):
        raise InvalidInput("Say which one is to be erased.", field="target")
    values = {"org_id": org_id, "erasure_id": erasure_id, "scope": scope, "target": target, "label": label}
    if not (yield Statement(_ASK, {**values, "ref": actor.ref, "name": actor.name[:120]})):
        return False
    yield from record(
        org_id, Activity(action="content.erasure_asked", actor=actor, target=label), event_id=f"erasure:{erasure_id}"
    )
    return True


def item_exists(org_id: int, scope: str, target: str) -> Operation[bool]:
    """Whether the organization has the one thing that an erasure of this scope would take."""
    for table, condition in steps_of(scope):
        sql = cast(LiteralString, _EXISTS.replace("<table>", table.name).replace("<item>", condition))
        if (yield Statement(sql, {"org_id": org_id, "target": target}))[0]["exists"]:
            return True
    return False


def erasure(org_id: int, erasure_id: str) -> Operation[Erasure]:
    """Raises NotFound."""
    rows = yield Statement(_FIND, {"org_id": org_id, "erasure_id": erasure_id})
    if not rows:
        raise NotFound("There is no such erasure.")
    return Erasure(**rows[0])


def newest_erasures(org_id: int) -> Operation[list[Erasure]]:
    """The latest ten."""
    rows = yield Statement(_NEWEST, {"org_id": org_id})
    return [Erasure(**row) for row in rows]


def steps_of(scope: str) -> Iterator[tuple[ContentTable, LiteralString]]:
    """The tables that a scope takes rows from, each with the condition."""
    for content in CONTENT:
        for table in content.tables:
            condition = _condition(content, table, scope)
            if condition is not None:
                yield table, condition


def erase(org_id: int, wanted: Erasure, table: ContentTable, condition: LiteralString) -> Operation[int]:
    """One step, counted; answers how many rows went. Repeat it until that is 0."""
    rows = yield from take(org_id, table, condition, {"target": wanted.target}, skip=False)
    if rows:
        yield Statement(_COUNT, {"org_id": org_id, "erasure_id": wanted.erasure_id, "rows": rows})
    return rows


def finish_erasure(org_id: int, wanted: Erasure) -> Operation[None]:
    """All is gone; recorded once."""
    rows = yield Statement(_DONE, {"org_id": org_id, "erasure_id": wanted.erasure_id})
    if rows:
        actor = Actor(kind="person", ref=wanted.asked_ref, name=wanted.asked_name)
        details = {"rows": str(rows[0]["erased"])}
        activity = Activity(action="content.erased", actor=actor, target=wanted.label, details=details)
        yield from record(org_id, activity, event_id=f"erased:{wanted.erasure_id}")


def _condition(content: Content, table: ContentTable, scope: str) -> LiteralString | None:
    if scope == EVERYTHING or (scope == AI and content.kind == "ai"):
        return table.all
    if scope == PROJECT:
        return table.project
    if scope == PERSON:
        return table.person
    return table.item if scope == content.slug else None


def _items(scope: str) -> bool:
    return scope in BY_SLUG and any(table.item for table in BY_SLUG[scope].tables)
