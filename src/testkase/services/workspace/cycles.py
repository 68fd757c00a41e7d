"""Test cycles: planned, running, finished. Every operation needs the organization's tenant context."""

from collections.abc import Sequence
from typing import Any, LiteralString

import msgspec

from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.foundation.text import in_one_line
from testkase.services.audit import Activity, Actor, record
from testkase.services.workspace.model import Cycle, CyclePlan, CycleState, Progress
from testkase.services.workspace.names import name_of

MOST_ENTRIES = 20_000
"""Cases in one cycle."""

_COLUMNS: LiteralString = """
SELECT c.cycle_id, c.project_id, c.name, c.environment, c.starts_on, c.ends_on, c.state, c.created_at, c.started_at,
       c.finished_at, <name> AS author, p.*
FROM test_cycle c LEFT JOIN app_user u ON u.id = c.created_by
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE result = 'passed') AS passed, count(*) FILTER (WHERE result = 'failed') AS failed,
           count(*) FILTER (WHERE result = 'blocked') AS blocked, count(*) FILTER (WHERE result = 'skipped') AS skipped,
           count(*) FILTER (WHERE result = 'not_executed') AS not_executed
    FROM cycle_entry e WHERE e.org_id = c.org_id AND e.cycle_id = c.cycle_id) p
WHERE c.org_id = %(org_id)s AND c.project_id = %(project_id)s
""".replace("<name>", name_of("c", "u"))
_LIST: LiteralString = (
    _COLUMNS
    + "AND (%(before)s::bigint IS NULL OR c.cycle_id < %(before)s) AND (%(state)s::text IS NULL OR c.state = %(state)s)"
    " ORDER BY c.cycle_id DESC LIMIT %(limit)s"
)
_FIND: LiteralString = _COLUMNS + "AND c.cycle_id = %(cycle_id)s"
_LOCK: LiteralString = """
SELECT c.state, c.name, p.key FROM test_cycle c JOIN project p USING (org_id, project_id)
WHERE c.org_id = %(org_id)s AND c.project_id = %(project_id)s AND c.cycle_id = %(cycle_id)s
FOR NO KEY UPDATE OF c
"""
_INSERT: LiteralString = """
INSERT INTO test_cycle (org_id, project_id, name, environment, starts_on, ends_on, created_by)
SELECT org_id, project_id, %(name)s, %(environment)s, %(starts_on)s, %(ends_on)s, %(created_by)s
FROM project WHERE org_id = %(org_id)s AND project_id = %(project_id)s
RETURNING cycle_id
"""
_CHANGE: LiteralString = """
UPDATE test_cycle SET name = %(name)s, environment = %(environment)s, starts_on = %(starts_on)s, ends_on = %(ends_on)s
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND cycle_id = %(cycle_id)s
RETURNING cycle_id
"""
_SET_STATE: LiteralString = """
UPDATE test_cycle SET state = %(state)s,
    started_at = CASE WHEN %(state)s = 'running' THEN coalesce(started_at, now()) ELSE started_at END,
    finished_at = CASE WHEN %(state)s = 'finished' THEN now() END
WHERE org_id = %(org_id)s AND cycle_id = %(cycle_id)s
"""
_DELETE: LiteralString = "DELETE FROM test_cycle WHERE org_id = %(org_id)s AND cycle_id = %(cycle_id)s"
_ADD: LiteralString = """
INSERT INTO cycle_entry (org_id, cycle_id, case_id)
SELECT org_id, %(cycle_id)s, case_id FROM test_case
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND key = ANY(%(keys)s)
ORDER BY case_id
ON CONFLICT (org_id, cycle_id, case_id) DO NOTHING
RETURNING case_id
"""
_ADD_ALL: LiteralString = """
INSERT INTO cycle_entry (org_id, cycle_id, case_id)
SELECT org_id, %(cycle_id)s, case_id FROM test_case
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND status = 'ready'
  AND (%(folders)s::bigint[] IS NULL OR folder_id = ANY(%(folders)s))
ORDER BY case_id LIMIT %(limit)s
ON CONFLICT (org_id, cycle_id, case_id) DO NOTHING
RETURNING case_id
"""
_TAKE_OUT: LiteralString = """
DELETE FROM cycle_entry e USING test_case c
WHERE e.org_id = %(org_id)s AND e.cycle_id = %(cycle_id)s AND c.org_id = e.org_id AND c.case_id = e.case_id
  AND c.key = %(key)s AND e.executions = 0
RETURNING e.case_id
"""
_NEXT_STATES: dict[str, tuple[CycleState, ...]] = {
    "planned": ("running",),
    "running": ("finished",),
    "finished": ("running",),
}
"""A finished cycle can be taken up again; nothing becomes planned twice."""


def list_cycles(
    org_id: int, project_id: int, *, limit: int, before: int | None = None, state: CycleState | None = None
) -> Operation[list[Cycle]]:
    """Newest first, each with its progress. `before`: only older than this id, for the next page."""
    params = {"org_id": org_id, "project_id": project_id, "limit": limit, "before": before, "state": state}
    return [_cycle(row) for row in (yield Statement(_LIST, params))]


def find_cycle(org_id: int, project_id: int, cycle_id: int) -> Operation[Cycle]:
    """One cycle with its progress. Raises NotFound when the project has none of that id."""
    rows = yield Statement(_FIND, {"org_id": org_id, "project_id": project_id, "cycle_id": cycle_id})
    if not rows:
        raise NotFound("There is no such test cycle.")
    return _cycle(rows[0])


def create_cycle(org_id: int, project_id: int, plan: CyclePlan, *, author_id: int | None) -> Operation[int]:
    """A new, planned cycle without cases; answers its id. Raises InvalidInput, NotFound for the project."""
    values = {"org_id": org_id, "project_id": project_id, "created_by": author_id}
    rows = yield Statement(_INSERT, {**values, **_planned(plan)})
    if not rows:
        raise NotFound("There is no such project.")
    return int(rows[0]["cycle_id"])


def change_cycle(org_id: int, project_id: int, cycle_id: int, plan: CyclePlan) -> Operation[None]:
    """Another plan. Raises InvalidInput, NotFound."""
    values = {"org_id": org_id, "project_id": project_id, "cycle_id": cycle_id}
    if not (yield Statement(_CHANGE, {**values, **_planned(plan)})):
        raise NotFound("There is no such test cycle.")


def set_cycle_state(org_id: int, project_id: int, cycle_id: int, state: CycleState, *, actor: Actor) -> Operation[bool]:
    """Start, finish or take up again; answers whether anything changed. Raises NotFound, Conflict for any other way."""
    row = yield from lock_cycle(org_id, project_id, cycle_id)
    if row["state"] == state:
        return False
    if state not in _NEXT_STATES[row["state"]]:
        raise Conflict(f"A {row['state']} cycle cannot become {state}.", state=row["state"])
    yield Statement(_SET_STATE, {"org_id": org_id, "cycle_id": cycle_id, "state": state})
    if state == "finished":
        yield from _record(org_id, "cycle.finished", row, actor)
    elif row["state"] == "finished":
        yield from _record(org_id, "cycle.reopened", row, actor)
    return True


def delete_cycle(org_id: int, project_id: int, cycle_id: int, *, actor: Actor) -> Operation[None]:
    """Take a cycle away with everything executed in it. Raises NotFound."""
    row = yield from lock_cycle(org_id, project_id, cycle_id)
    yield Statement(_DELETE, {"org_id": org_id, "cycle_id": cycle_id})
    yield from _record(org_id, "cycle.deleted", row, actor)


def add_to_cycle(org_id: int, project_id: int, cycle_id: int, keys: Sequence[str]) -> Operation[int]:
    """Put cases into a cycle; answers how many were not in it yet. Raises NotFound, Conflict when it is finished."""
    yield from lock_cycle(org_id, project_id, cycle_id, open_only=True)
    values = {"org_id": org_id, "project_id": project_id, "cycle_id": cycle_id, "keys": list(keys)}
    return len((yield Statement(_ADD, values)))


def add_ready_cases(
    org_id: int, project_id: int, cycle_id: int, *, folders: Sequence[int] | None = None
) -> Operation[int]:
    """Put all cases that are ready into a cycle, or those in these folders; answers how many were not in it yet."""
    yield from lock_cycle(org_id, project_id, cycle_id, open_only=True)
    values = {"org_id": org_id, "project_id": project_id, "cycle_id": cycle_id, "limit": MOST_ENTRIES}
    return len((yield Statement(_ADD_ALL, {**values, "folders": None if folders is None else list(folders)})))


def take_out_of_cycle(org_id: int, project_id: int, cycle_id: int, key: str) -> Operation[None]:
    """Take a case that was never executed out of a cycle. Raises NotFound, Conflict once it was executed."""
    yield from lock_cycle(org_id, project_id, cycle_id, open_only=True)
    if not (yield Statement(_TAKE_OUT, {"org_id": org_id, "cycle_id": cycle_id, "key": key})):
        raise Conflict("What was executed in a cycle stays in it.")


def lock_cycle(org_id: int, project_id: int, cycle_id: int, *, open_only: bool = False) -> Operation[Row]:
    """The cycle's state, name and project key, held until the transaction ends. Raises NotFound, and Conflict where the
    cycle must not be finished."""
    rows = yield Statement(_LOCK, {"org_id": org_id, "project_id": project_id, "cycle_id": cycle_id})
    if not rows:
        raise NotFound("There is no such test cycle.")
    if open_only and rows[0]["state"] == "finished":
        raise Conflict("This cycle is finished. Take it up again to change it.", state="finished")
    return rows[0]


def _planned(plan: CyclePlan) -> dict[str, Any]:
    name = in_one_line(plan.name)
    environment = in_one_line(plan.environment)
    if not 1 <= len(name) <= 120:
        raise InvalidInput("A test cycle needs a name of 1 to 120 characters.", field="name")
    if len(environment) > 120:
        raise InvalidInput("The environment takes at most 120 characters.", field="environment")
    if plan.starts_on and plan.ends_on and plan.ends_on < plan.starts_on:
        raise InvalidInput("A cycle cannot end before it starts.", field="ends_on")
    return {"name": name, "environment": environment, "starts_on": plan.starts_on, "ends_on": plan.ends_on}


def _record(org_id: int, action: str, row: Row, actor: Actor) -> Operation[None]:
    yield from record(org_id, Activity(action=action, actor=actor, target=row["name"], project=row["key"]))


def _cycle(row: Row) -> Cycle:
    plan = CyclePlan(**{name: row[name] for name in CyclePlan.__struct_fields__})
    whole = {name: row[name] for name in Cycle.__struct_fields__ if name not in ("plan", "progress")}
    return Cycle(plan=plan, progress=msgspec.convert(row, Progress, from_attributes=False), **whole)
