"""Test cases: list, read, write, take over a generated draft. Every operation needs the organization's context."""

from typing import Any

import msgspec

from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.problems import InvalidInput, NotFound
from testkase.services.workspace.model import CaseContent, CaseRow, Step, TestCase

_LIST = """
SELECT case_id, key, title, kind, priority, generation_id IS NOT NULL AS generated,
       jsonb_array_length(steps) AS step_count, created_at
FROM test_case
WHERE org_id = %(org_id)s AND project_id = %(project_id)s
  AND (%(before)s::bigint IS NULL OR case_id < %(before)s)
ORDER BY case_id DESC
LIMIT %(limit)s
"""

_FIND = """
SELECT c.case_id, c.project_id, c.key, c.title, c.kind, c.priority, c.preconditions, c.steps::text AS steps,
       c.generation_id, c.created_at, coalesce(nullif(u.display_name, ''), u.email) AS author
FROM test_case c LEFT JOIN app_user u ON u.id = c.created_by
WHERE c.org_id = %(org_id)s AND c.project_id = %(project_id)s AND c.key = %(key)s
"""

# Two people who accept the same draft at once wait for each other here; the second finds the first one's case.
_LOCK_PROJECT = "SELECT 1 FROM project WHERE org_id = %(org_id)s AND project_id = %(project_id)s FOR UPDATE"

# The counter's row lock makes two people who write at once get different numbers.
_NEXT_KEY = """
UPDATE project SET last_case = last_case + 1
WHERE org_id = %(org_id)s AND project_id = %(project_id)s
RETURNING key || '-' || last_case AS key
"""

_OF_DRAFT = """
SELECT key FROM test_case
WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s AND draft_position = %(draft_position)s
"""

_INSERT = """
INSERT INTO test_case (org_id, project_id, key, title, kind, priority, preconditions, steps,
                       generation_id, draft_position, created_by)
VALUES (%(org_id)s, %(project_id)s, %(key)s, %(title)s, %(kind)s, %(priority)s, %(preconditions)s, %(steps)s::jsonb,
        %(generation_id)s, %(draft_position)s, %(created_by)s)
"""


def list_cases(org_id: int, project_id: int, *, limit: int, before: int | None = None) -> Operation[list[CaseRow]]:
    """Newest first. `before`: only cases older than this id, for the next page."""
    rows = yield Statement(_LIST, {"org_id": org_id, "project_id": project_id, "limit": limit, "before": before})
    return [CaseRow(**row) for row in rows]


def find_case(org_id: int, project_id: int, key: str) -> Operation[TestCase]:
    """One case by its key. Raises NotFound when the project has none of that key."""
    rows = yield Statement(_FIND, {"org_id": org_id, "project_id": project_id, "key": key})
    if not rows:
        raise NotFound("There is no such test case.")
    return _case(rows[0])


def create_case(
    org_id: int,
    project_id: int,
    content: CaseContent,
    *,
    author_id: int | None,
    draft: tuple[int, int] | None = None,
) -> Operation[str]:
    """Write a case; answers its key, such as `SHOP-12`. `draft` is (generation id, position) of the draft it came from:
    accepting the same draft again answers the key of the case it already became."""
    _check(content)
    values: dict[str, Any] = {
        "org_id": org_id,
        "project_id": project_id,
        "generation_id": draft[0] if draft else None,
        "draft_position": draft[1] if draft else None,
        "created_by": author_id,
        **msgspec.structs.asdict(content),
        "steps": msgspec.json.encode(content.steps).decode(),
    }
    if draft is not None:
        yield Statement(_LOCK_PROJECT, values)
        known = yield Statement(_OF_DRAFT, values)
        if known:
            return str(known[0]["key"])
    numbered = yield Statement(_NEXT_KEY, values)
    if not numbered:
        raise NotFound("There is no such project.")
    yield Statement(_INSERT, {**values, "key": numbered[0]["key"]})
    return str(numbered[0]["key"])


def _check(content: CaseContent) -> None:
    if not 1 <= len(content.title.strip()) <= 300:
        raise InvalidInput("A test case needs a title of 1 to 300 characters.", field="title")
    if not content.steps:
        raise InvalidInput("A test case needs at least one step.", field="steps")


def _case(row: Row) -> TestCase:
    content = CaseContent(
        title=row["title"],
        kind=row["kind"],
        priority=row["priority"],
        preconditions=row["preconditions"],
        steps=msgspec.json.decode(row["steps"], type=tuple[Step, ...]),
    )
    return TestCase(
        case_id=row["case_id"],
        project_id=row["project_id"],
        key=row["key"],
        content=content,
        generation_id=row["generation_id"],
        author=row["author"],
        created_at=row["created_at"],
    )
