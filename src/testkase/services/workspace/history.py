"""The history of a test case: which fields changed, from what to what, by whom and when. Rows are only ever added."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import msgspec

from testkase.foundation.database import Operation, Statement
from testkase.services.workspace.model import CaseContent, Change, Origin
from testkase.services.workspace.names import name_of

_ADD: LiteralString = """
INSERT INTO case_change (org_id, case_id, action, origin, fields, changed_by)
SELECT %(org_id)s, made.case_id, made.action, %(origin)s, made.fields, %(changed_by)s
FROM jsonb_to_recordset(%(changes)s::jsonb) AS made (case_id bigint, action text, fields jsonb)
"""
_LIST: LiteralString = """
SELECT h.change_id, h.action, h.origin, h.fields::text AS fields, h.changed_at,
       <name> AS changed_by
FROM case_change h LEFT JOIN app_user u ON u.id = h.changed_by
WHERE h.org_id = %(org_id)s AND h.case_id = %(case_id)s
  AND (%(before)s::bigint IS NULL OR h.change_id < %(before)s)
ORDER BY h.change_id DESC
LIMIT %(limit)s
""".replace("<name>", name_of("h", "u"))

Fields = Mapping[str, tuple[Any, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChange:
    """A change about to be written down. Without fields: the case was created."""

    case_id: int
    fields: Fields

    @property
    def action(self) -> str:
        return "edited" if self.fields else "created"


def add_changes(org_id: int, changes: Sequence[NewChange], *, by: int | None, origin: Origin) -> Operation[None]:
    """Write changes down, all in one statement."""
    if not changes:
        return
    rows = [{"case_id": one.case_id, "action": one.action, "fields": one.fields} for one in changes]
    encoded = msgspec.json.encode(rows).decode()
    yield Statement(_ADD, {"org_id": org_id, "changes": encoded, "changed_by": by, "origin": origin})


def case_changes(org_id: int, case_id: int, *, limit: int, before: int | None = None) -> Operation[list[Change]]:
    """Newest first. `before`: only older than this change, for the next page."""
    params = {"org_id": org_id, "case_id": case_id, "limit": limit, "before": before}
    rows = yield Statement(_LIST, params)
    return [
        Change(**{**row, "fields": msgspec.json.decode(row["fields"], type=dict[str, tuple[Any, Any]])}) for row in rows
    ]


def differences(before: CaseContent, after: CaseContent) -> dict[str, tuple[Any, Any]]:
    """The fields that differ, each with its content before and after."""
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    return {name: (old[name], new[name]) for name in old if old[name] != new[name]}
