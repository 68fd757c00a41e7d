"""Small steps: one statement takes at most so many rows of a table, and says how many it took.

Each step is a transaction of its own, so that locks are brief; a row that somebody works on is passed over and taken
the next time. A step may be repeated at any time: what is gone is gone.
"""

from collections.abc import Mapping
from typing import Any, LiteralString, cast

from testkase.foundation.database import Operation, Statement
from testkase.services.privacy.model import ContentTable

AT_ONCE = 200
"""Rows of one step."""

_STEP = """
WITH chosen AS MATERIALIZED (
    SELECT <chosen> FROM <table> AS c WHERE c.org_id = %(org_id)s AND (<condition>)
    LIMIT %(limit)s FOR UPDATE OF c <skip>
), gone AS (
    <write> WHERE <same> RETURNING 1
)
SELECT count(*) AS rows FROM gone
"""
_DELETE = "DELETE FROM <table> AS t USING chosen"
_BLANK = "UPDATE <table> AS t SET <blank> FROM chosen"


def take(
    org_id: int, table: ContentTable, condition: LiteralString, params: Mapping[str, Any], *, skip: bool
) -> Operation[int]:
    """Take at most AT_ONCE rows for which the condition holds. `skip`: pass over what somebody has locked, rather than
    wait for them. Answers how many rows went."""
    same = " AND ".join(f"t.{column} = chosen.{column}" for column in ("org_id", *table.key))
    parts = {
        "write": _DELETE if table.blank is None else _BLANK,
        "blank": table.blank or "",
        "chosen": ", ".join(("org_id", *table.key)),
        "table": table.name,
        "condition": condition,
        "skip": "SKIP LOCKED" if skip else "",
        "same": same,
    }
    sql = _STEP
    for name, part in parts.items():
        sql = sql.replace(f"<{name}>", part)
    rows = yield Statement(cast(LiteralString, sql), {**params, "org_id": org_id, "limit": AT_ONCE})
    return int(rows[0]["rows"])
