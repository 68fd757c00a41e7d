"""Test cases: read, write, edit, move, take over a draft. Every operation needs the organization's tenant context."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import msgspec

from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.workspace.content import search_text, tidied
from testkase.services.workspace.folders import folder_path, hold_folders
from testkase.services.workspace.history import NewChange, add_changes, differences
from testkase.services.workspace.model import CaseContent, CaseStatus, Origin, Step, TestCase
from testkase.services.workspace.names import name_of

MOST_AT_ONCE = 500
"""Cases of one bulk change."""

_SELECT: LiteralString = """
SELECT c.case_id, c.project_id, c.key, c.title, c.kind, c.type, c.status, c.priority, c.description, c.preconditions,
       c.steps::text AS steps, c.tags, c.automation_id, c.folder_id, c.version, c.generation_id, c.created_at,
       c.updated_at, <author> AS author,
       <editor> AS editor
FROM test_case c LEFT JOIN app_user u ON u.id = c.created_by LEFT JOIN app_user e ON e.id = c.updated_by
WHERE c.org_id = %(org_id)s AND c.project_id = %(project_id)s
""".replace("<author>", name_of("c", "u")).replace("<editor>", name_of("c", "e"))
_FIND: LiteralString = _SELECT + "AND c.key = %(key)s "
_WHOLE: LiteralString = _SELECT + "AND c.key = ANY(%(keys)s) ORDER BY c.case_id DESC"
_LOCKED: LiteralString = _FIND + "FOR NO KEY UPDATE OF c"

# Two people who accept the same draft at once wait for each other here; the second finds the first one's case.
_LOCK_PROJECT: LiteralString = (
    "SELECT 1 FROM project WHERE org_id = %(org_id)s AND project_id = %(project_id)s FOR NO KEY UPDATE"
)

# The counter's row lock makes people who write at once get different numbers.
_NUMBER: LiteralString = """
UPDATE project SET last_case = last_case + %(count)s
WHERE org_id = %(org_id)s AND project_id = %(project_id)s
RETURNING key, last_case
"""
_OF_DRAFT: LiteralString = """
SELECT key FROM test_case
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND draft_position = %(draft_position)s
"""
_INSERT: LiteralString = """
INSERT INTO test_case (org_id, project_id, key, title, kind, type, status, priority, description, preconditions, steps,
                       tags, automation_id, folder_id, search, generation_id, draft_position, created_by)
SELECT %(org_id)s, %(project_id)s, made.key, made.title, made.kind, made.type, made.status, made.priority,
       made.description, made.preconditions, made.steps, made.tags, made.automation_id, made.folder_id, made.search,
       %(generation_id)s, %(draft_position)s, %(created_by)s
FROM jsonb_to_recordset(%(cases)s::jsonb) AS made (
    key text, title text, kind text, type text, status text, priority text, description text, preconditions text,
    steps jsonb, tags text[], automation_id text, folder_id bigint, search text, nth bigint)
ORDER BY made.nth
RETURNING case_id, key
"""
_UPDATE: LiteralString = """
UPDATE test_case SET title = %(title)s, kind = %(kind)s, type = %(type)s, status = %(status)s, priority = %(priority)s,
    description = %(description)s, preconditions = %(preconditions)s, steps = %(steps)s::jsonb, tags = %(tags)s,
    automation_id = %(automation_id)s, folder_id = %(folder_id)s, search = %(search)s, version = version + 1,
    updated_by = %(editor_id)s, updated_at = now()
WHERE org_id = %(org_id)s AND case_id = %(case_id)s
"""
_HELD: LiteralString = """
SELECT case_id, folder_id, status FROM test_case
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND key = ANY(%(keys)s)
ORDER BY case_id FOR NO KEY UPDATE
"""
_MOVE: LiteralString = """
UPDATE test_case SET folder_id = %(folder_id)s, version = version + 1, updated_by = %(editor_id)s, updated_at = now()
WHERE org_id = %(org_id)s AND case_id = ANY(%(case_ids)s)
"""
_SET_STATUS: LiteralString = """
UPDATE test_case SET status = %(status)s, version = version + 1, updated_by = %(editor_id)s, updated_at = now()
WHERE org_id = %(org_id)s AND case_id = ANY(%(case_ids)s)
"""
_AUTOMATED: LiteralString = """
SELECT key FROM test_case
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND automation_id = ANY(%(automation_ids)s)
  AND case_id <> %(case_id)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCase:
    """A case about to be written, in a folder or at the top."""

    content: CaseContent
    folder_id: int | None = None


def find_case(org_id: int, project_id: int, key: str) -> Operation[TestCase]:
    """One case by its key. Raises NotFound when the project has none of that key."""
    rows = yield Statement(_FIND, {"org_id": org_id, "project_id": project_id, "key": key})
    if not rows:
        raise NotFound("There is no such test case.")
    return _case(rows[0])


def whole_cases(org_id: int, project_id: int, keys: Sequence[str]) -> Operation[list[TestCase]]:
    """Those of these keys that there are, newest first."""
    rows = yield Statement(_WHOLE, {"org_id": org_id, "project_id": project_id, "keys": list(keys)})
    return [_case(row) for row in rows]


def create_case(
    org_id: int,
    project_id: int,
    content: CaseContent,
    *,
    author_id: int | None,
    folder_id: int | None = None,
    draft: tuple[int, int] | None = None,
) -> Operation[str]:
    """Write a case; answers its key, such as `SHOP-12`. `draft` is (generation id, position) of the draft it came from:
    accepting the same draft again answers the key of the case it already became."""
    if draft is not None:
        values = {"org_id": org_id, "project_id": project_id, "generation_id": draft[0], "draft_position": draft[1]}
        yield Statement(_LOCK_PROJECT, values)
        known = yield Statement(_OF_DRAFT, values)
        if known:
            return str(known[0]["key"])
    made = NewCase(content=tidied(content), folder_id=folder_id)
    origin: Origin = "generation" if draft else "person"
    ((_, key),) = yield from create_cases(org_id, project_id, [made], author_id=author_id, origin=origin, draft=draft)
    return key


def create_cases(
    org_id: int,
    project_id: int,
    cases: Sequence[NewCase],
    *,
    author_id: int | None,
    origin: Origin,
    draft: tuple[int, int] | None = None,
) -> Operation[list[tuple[int, str]]]:
    """Write cases whose content is tidied already, numbered in this order; answers their ids and keys."""
    values: dict[str, Any] = {"org_id": org_id, "project_id": project_id, "count": len(cases), "created_by": author_id}
    numbered = yield Statement(_NUMBER, values)
    if not numbered:
        raise NotFound("There is no such project.")
    yield from hold_folders(org_id, project_id, (case.folder_id for case in cases if case.folder_id is not None))
    yield from _check_automation(org_id, project_id, [case.content for case in cases], case_id=0)
    prefix, first = numbered[0]["key"], numbered[0]["last_case"] - len(cases) + 1
    rows = [
        {"nth": nth, "key": f"{prefix}-{first + nth}", "folder_id": case.folder_id, **msgspec.to_builtins(case.content)}
        for nth, case in enumerate(cases)
    ]
    for row, case in zip(rows, cases, strict=True):
        row["search"] = search_text(row["key"], case.content)
    values |= {"cases": msgspec.json.encode(rows).decode()}
    values |= {"generation_id": draft[0] if draft else None, "draft_position": draft[1] if draft else None}
    made = yield Statement(_INSERT, values)
    changes = [NewChange(case_id=row["case_id"], fields={}) for row in made]
    yield from add_changes(org_id, changes, by=author_id, origin=origin)
    return [(row["case_id"], row["key"]) for row in made]


def edit_case(
    org_id: int,
    project_id: int,
    key: str,
    content: CaseContent,
    *,
    folder_id: int | None,
    editor_id: int | None,
    version: int | None = None,
    origin: Origin = "person",
) -> Operation[bool]:
    """Write a case anew; answers whether anything changed. `version`: the one the editor had before their eyes.

    Raises NotFound, InvalidInput, and Conflict when somebody else was faster or the automation id belongs to another.
    """
    content = tidied(content)
    rows = yield Statement(_LOCKED, {"org_id": org_id, "project_id": project_id, "key": key})
    if not rows:
        raise NotFound("There is no such test case.")
    case = _case(rows[0])
    if version is not None and version != case.version:
        who = case.editor or "Somebody"
        raise Conflict(f"{who} has changed this test case since you opened it. Your text is still here.")
    fields = differences(case.content, content)
    if folder_id != case.folder_id:
        before = yield from folder_path(org_id, project_id, case.folder_id)
        fields["folder"] = (before, (yield from folder_path(org_id, project_id, folder_id)))
    if not fields:
        return False
    yield from _check_automation(org_id, project_id, [content], case_id=case.case_id)
    values = {
        **msgspec.to_builtins(content), "org_id": org_id, "case_id": case.case_id, "folder_id": folder_id,
        "tags": list(content.tags), "steps": msgspec.json.encode(content.steps).decode(), "editor_id": editor_id,
        "search": search_text(key, content),
    }  # fmt: skip
    yield Statement(_UPDATE, values)
    yield from add_changes(org_id, [NewChange(case_id=case.case_id, fields=fields)], by=editor_id, origin=origin)
    return True


def move_cases(
    org_id: int, project_id: int, keys: Sequence[str], folder_id: int | None, *, editor_id: int | None
) -> Operation[int]:
    """Put cases into a folder, None: to the top; answers how many moved. Raises NotFound for the folder."""
    to = yield from folder_path(org_id, project_id, folder_id)
    rows = [row for row in (yield from _held(org_id, project_id, keys)) if row["folder_id"] != folder_id]
    paths = {None: ""}
    for row in rows:
        if row["folder_id"] not in paths:
            paths[row["folder_id"]] = yield from folder_path(org_id, project_id, row["folder_id"])
    changes = [NewChange(case_id=row["case_id"], fields={"folder": (paths[row["folder_id"]], to)}) for row in rows]
    yield from _changed(_MOVE, org_id, changes, editor_id, folder_id=folder_id)
    return len(rows)


def set_status(
    org_id: int, project_id: int, keys: Sequence[str], status: CaseStatus, *, editor_id: int | None
) -> Operation[int]:
    """Give cases a status; answers how many had another."""
    rows = [row for row in (yield from _held(org_id, project_id, keys)) if row["status"] != status]
    changes = [NewChange(case_id=row["case_id"], fields={"status": (row["status"], status)}) for row in rows]
    yield from _changed(_SET_STATUS, org_id, changes, editor_id, status=status)
    return len(rows)


def _held(org_id: int, project_id: int, keys: Sequence[str]) -> Operation[list[Row]]:
    if len(keys) > MOST_AT_ONCE:
        raise InvalidInput(f"Choose at most {MOST_AT_ONCE} test cases at once.")
    return (yield Statement(_HELD, {"org_id": org_id, "project_id": project_id, "keys": list(keys)}))


def _changed(
    sql: LiteralString, org_id: int, changes: list[NewChange], editor_id: int | None, **values: object
) -> Operation[None]:
    if not changes:
        return
    case_ids = [change.case_id for change in changes]
    yield Statement(sql, {"org_id": org_id, "case_ids": case_ids, "editor_id": editor_id, **values})
    yield from add_changes(org_id, changes, by=editor_id, origin="person")


def _check_automation(
    org_id: int, project_id: int, contents: Sequence[CaseContent], *, case_id: int
) -> Operation[None]:
    wanted = [content.automation_id for content in contents if content.automation_id]
    if not wanted:
        return
    values = {"org_id": org_id, "project_id": project_id, "automation_ids": wanted, "case_id": case_id}
    rows = yield Statement(_AUTOMATED, values)
    if rows:
        raise Conflict(f"{rows[0]['key']} already has this automation id.", field="automation_id")


def _case(row: Row) -> TestCase:
    content = {name: row[name] for name in CaseContent.__struct_fields__}
    content |= {"steps": msgspec.json.decode(row["steps"], type=tuple[Step, ...]), "tags": tuple(row["tags"])}
    whole = {name: row[name] for name in TestCase.__struct_fields__ if name != "content"}
    return TestCase(content=CaseContent(**content), **whole)
