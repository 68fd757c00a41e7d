"""Which cases of a project the items of a file speak of."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import LiteralString

from testkase.foundation.database import Operation, Row, Statement
from testkase.services.workspace.content import folded

# Three look-ups rather than one with OR: the first two find their rows by an index.
_FIND: LiteralString = """
SELECT case_id, key, title, automation_id, folder_id FROM test_case
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND key = ANY(%(keys)s)
UNION
SELECT case_id, key, title, automation_id, folder_id FROM test_case
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND automation_id = ANY(%(automation_ids)s)
  AND automation_id <> ''
UNION
SELECT case_id, key, title, automation_id, folder_id FROM test_case
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND title = ANY(%(titles)s)
"""


@dataclass(slots=True)
class Known:
    """Cases by each name they may be called by."""

    by_key: dict[str, Row] = field(default_factory=dict)
    by_automation: dict[str, Row] = field(default_factory=dict)
    by_title: dict[str, list[Row]] = field(default_factory=dict)

    def titled(self, title: str, *, folder_id: int | None = None, any_folder: bool = True) -> list[Row]:
        """Cases of this title: those in the folder if there are any, else those anywhere."""
        rows = self.by_title.get(folded(title), [])
        here = [row for row in rows if row["folder_id"] == folder_id]
        return here if here or not any_folder else rows


def known_cases(
    org_id: int,
    project_id: int,
    *,
    titles: Iterable[str],
    keys: Iterable[str] = (),
    automation_ids: Iterable[str] = (),
) -> Operation[Known]:
    """The cases that are called by any of these names."""
    rows = yield Statement(
        _FIND,
        {
            "org_id": org_id,
            "project_id": project_id,
            "keys": sorted(set(keys)),
            "automation_ids": sorted(set(automation_ids)),
            "titles": sorted(set(titles)),
        },
    )
    known = Known()
    for row in sorted(rows, key=lambda row: row["case_id"]):
        known.by_key[row["key"]] = row
        known.by_automation[row["automation_id"]] = row
        known.by_title.setdefault(folded(row["title"]), []).append(row)
    return known
