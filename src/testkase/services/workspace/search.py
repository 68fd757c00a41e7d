"""Finding test cases: filters and words, page by page. A page reads rows of its own project and of no other.

Words are looked for in the text a case is found by, row by row of the project: substrings are found, in every
alphabet, without an extension of the database, and ten thousand cases are looked through in a few hundredths of a
second. An index over words alone could not begin with the organization.
"""

from collections.abc import Iterator
from typing import Any, LiteralString, cast

import msgspec

from testkase.foundation.database import Operation, Statement
from testkase.services.workspace.content import search_words
from testkase.services.workspace.model import CaseRow

_COLUMNS: LiteralString = """
SELECT case_id, key, title, kind, priority, status, folder_id, tags, generation_id IS NOT NULL AS generated,
       jsonb_array_length(steps) AS step_count, created_at
FROM test_case
"""
_COUNT: LiteralString = "SELECT count(*) AS count FROM test_case"
_CONDITIONS: dict[str, LiteralString] = {
    "before": "case_id < %(before)s",
    "folders": "folder_id = ANY(%(folders)s)",
    "at_top": "folder_id IS NULL",
    "status": "status = %(status)s",
    "priority": "priority = %(priority)s",
    "kind": "kind = %(kind)s",
    "type": "type = %(type)s",
    "tag": "%(tag)s = ANY(tags)",
    "words": "search LIKE ALL(%(words)s)",
}
_TAGS: LiteralString = """
SELECT DISTINCT unnest(tags) AS tag FROM test_case WHERE org_id = %(org_id)s AND project_id = %(project_id)s
ORDER BY tag LIMIT 500
"""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Filters; what is left out filters nothing. `folders`: cases in any of these; `at_top`: cases in none."""

    text: str = ""
    folders: tuple[int, ...] | None = None
    at_top: bool = False
    status: str = ""
    priority: str = ""
    kind: str = ""
    type: str = ""
    tag: str = ""


def list_cases(
    org_id: int, project_id: int, *, limit: int, before: int | None = None, wanted: Wanted | None = None
) -> Operation[list[CaseRow]]:
    """Newest first. `before`: only cases older than this id, for the next page."""
    conditions, params = _where(org_id, project_id, wanted or Wanted(), before)
    sql = _COLUMNS + conditions + "ORDER BY case_id DESC LIMIT %(limit)s"
    rows = yield Statement(sql, {**params, "limit": limit})
    return [CaseRow(**{**row, "tags": tuple(row["tags"])}) for row in rows]


def count_cases(org_id: int, project_id: int, wanted: Wanted) -> Operation[int]:
    """How many there are."""
    conditions, params = _where(org_id, project_id, wanted, None)
    rows = yield Statement(_COUNT + conditions, params)
    return int(rows[0]["count"])


def tags_of(org_id: int, project_id: int) -> Operation[list[str]]:
    """Tags in use, by name."""
    rows = yield Statement(_TAGS, {"org_id": org_id, "project_id": project_id})
    return [row["tag"] for row in rows]


def _where(org_id: int, project_id: int, wanted: Wanted, before: int | None) -> tuple[LiteralString, dict[str, Any]]:
    given = dict(_given(wanted)) | ({"before": before} if before is not None else {})
    clauses = [_CONDITIONS[name] for name in given]
    conditions = cast(LiteralString, " AND ".join(clauses))
    start: LiteralString = "\nWHERE org_id = %(org_id)s AND project_id = %(project_id)s"
    params = {"org_id": org_id, "project_id": project_id, **given}
    return start + (" AND " + conditions if clauses else "") + "\n", params


def _given(wanted: Wanted) -> Iterator[tuple[str, Any]]:
    """What filters, by the name of its condition."""
    if words := search_words(wanted.text):
        yield "words", words
    if wanted.folders is not None:
        yield "folders", list(wanted.folders)
    if wanted.at_top:
        yield "at_top", True
    for name in ("status", "priority", "kind", "type", "tag"):
        if value := getattr(wanted, name):
            yield name, value
