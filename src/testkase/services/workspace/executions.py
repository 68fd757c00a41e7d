"""Executing the cases of a cycle. An execution is added and never changed; the entry shows the newest.

Every operation needs the organization's tenant context.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, LiteralString, get_args

import msgspec

from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.problems import InvalidInput, NotFound
from testkase.foundation.text import in_one_line
from testkase.services.workspace.cycles import lock_cycle
from testkase.services.workspace.model import Entry, Executed, Execution, Outcome, Result
from testkase.services.workspace.names import name_of

LONGEST_DURATION_MS = 30 * 24 * 3_600_000

_ENTRY: LiteralString = """
SELECT e.case_id, c.key, c.title, c.priority, e.result, e.comment, e.defect, e.duration_ms, e.executions, e.executed_at,
       <name> AS executed_by
FROM cycle_entry e JOIN test_case c USING (org_id, case_id) LEFT JOIN app_user u ON u.id = e.executed_by
WHERE e.org_id = %(org_id)s AND e.cycle_id = %(cycle_id)s
""".replace("<name>", name_of("e", "u"))
_LIST: LiteralString = (
    _ENTRY + "AND (%(after)s::bigint IS NULL OR e.case_id > %(after)s)"
    " AND (%(result)s::text IS NULL OR e.result = %(result)s) ORDER BY e.case_id LIMIT %(limit)s"
)
_FIND: LiteralString = _ENTRY + "AND c.key = %(key)s"
_NEIGHBOURS: LiteralString = """
SELECT (SELECT c.key FROM cycle_entry e JOIN test_case c USING (org_id, case_id)
        WHERE e.org_id = %(org_id)s AND e.cycle_id = %(cycle_id)s AND e.case_id < %(case_id)s
        ORDER BY e.case_id DESC LIMIT 1) AS previous,
       (SELECT c.key FROM cycle_entry e JOIN test_case c USING (org_id, case_id)
        WHERE e.org_id = %(org_id)s AND e.cycle_id = %(cycle_id)s AND e.case_id > %(case_id)s
        ORDER BY e.case_id LIMIT 1) AS following,
       (SELECT count(*) FROM cycle_entry e
        WHERE e.org_id = %(org_id)s AND e.cycle_id = %(cycle_id)s AND e.case_id <= %(case_id)s) AS place
"""
_HISTORY: LiteralString = """
SELECT x.execution_id, x.result, x.comment, x.defect, x.duration_ms, x.import_id, x.executed_at,
       coalesce(<name>, i.actor_name) AS executed_by
FROM execution x LEFT JOIN app_user u ON u.id = x.executed_by
LEFT JOIN import_run i ON i.org_id = x.org_id AND i.import_id = x.import_id
WHERE x.org_id = %(org_id)s AND x.cycle_id = %(cycle_id)s AND x.case_id = %(case_id)s
ORDER BY x.execution_id DESC LIMIT %(limit)s
""".replace("<name>", name_of("x", "u"))
_OF_CASE: LiteralString = """
SELECT e.cycle_id, c.name, e.result, e.executions, e.executed_at
FROM cycle_entry e JOIN test_cycle c USING (org_id, cycle_id)
WHERE e.org_id = %(org_id)s AND e.case_id = %(case_id)s
ORDER BY e.cycle_id DESC LIMIT %(limit)s
"""
_KNOWN: LiteralString = """
SELECT case_id FROM cycle_entry WHERE org_id = %(org_id)s AND cycle_id = %(cycle_id)s AND case_id = ANY(%(case_ids)s)
ORDER BY case_id FOR NO KEY UPDATE
"""
_WRITE: LiteralString = """
INSERT INTO execution (org_id, cycle_id, case_id, result, comment, defect, duration_ms, import_id, executed_by,
                       executed_at)
SELECT %(org_id)s, %(cycle_id)s, made.case_id, made.result, made.comment, made.defect, made.duration_ms, %(import_id)s,
       %(executed_by)s, coalesce(%(executed_at)s::timestamptz, now())
FROM jsonb_to_recordset(%(outcomes)s::jsonb) AS made (
    case_id bigint, result text, comment text, defect text, duration_ms bigint)
ORDER BY made.case_id
"""
_STAND: LiteralString = """
INSERT INTO cycle_entry AS e (org_id, cycle_id, case_id, result, comment, defect, duration_ms, executions, executed_by,
                              executed_at)
SELECT %(org_id)s, %(cycle_id)s, made.case_id, made.result, made.comment, made.defect, made.duration_ms, 1,
       %(executed_by)s, coalesce(%(executed_at)s::timestamptz, now())
FROM jsonb_to_recordset(%(outcomes)s::jsonb) AS made (
    case_id bigint, result text, comment text, defect text, duration_ms bigint)
ORDER BY made.case_id
ON CONFLICT (org_id, cycle_id, case_id) DO UPDATE SET result = excluded.result, comment = excluded.comment,
    defect = excluded.defect, duration_ms = excluded.duration_ms, executions = e.executions + 1,
    executed_by = excluded.executed_by, executed_at = excluded.executed_at
"""
_BEGIN: LiteralString = """
UPDATE test_cycle SET state = 'running', started_at = coalesce(started_at, now())
WHERE org_id = %(org_id)s AND cycle_id = %(cycle_id)s AND state = 'planned'
"""


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """How a case stands in one cycle."""

    cycle_id: int
    name: str
    result: Result
    executions: int
    executed_at: datetime | None


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a case stands in its cycle: the keys beside it, and that it is the n-th."""

    previous: str | None
    following: str | None
    place: int


def list_entries(
    org_id: int, cycle_id: int, *, limit: int, after: int | None = None, result: Result | None = None
) -> Operation[list[Entry]]:
    """The cases of a cycle, oldest first. `after`: only those behind this case id, for the next page."""
    params = {"org_id": org_id, "cycle_id": cycle_id, "limit": limit, "after": after, "result": result}
    return [Entry(**row) for row in (yield Statement(_LIST, params))]


def find_entry(org_id: int, cycle_id: int, key: str) -> Operation[Entry]:
    """A case in a cycle, by its key. Raises NotFound."""
    rows = yield Statement(_FIND, {"org_id": org_id, "cycle_id": cycle_id, "key": key})
    if not rows:
        raise NotFound("There is no such test case in this cycle.")
    return Entry(**rows[0])


def place_of(org_id: int, cycle_id: int, case_id: int) -> Operation[Place]:
    """What comes before and after a case in its cycle."""
    (row,) = yield Statement(_NEIGHBOURS, {"org_id": org_id, "cycle_id": cycle_id, "case_id": case_id})
    return Place(**row)


def executions_of(org_id: int, cycle_id: int, case_id: int, *, limit: int = 50) -> Operation[list[Execution]]:
    """What happened to a case in a cycle, newest first."""
    params = {"org_id": org_id, "cycle_id": cycle_id, "case_id": case_id, "limit": limit}
    return [Execution(**row) for row in (yield Statement(_HISTORY, params))]


def execute(
    org_id: int, project_id: int, cycle_id: int, key: str, outcome: Outcome, *, by: int | None
) -> Operation[None]:
    """What an execution came to. A planned cycle runs from its first execution on.

    Raises NotFound for a case that is not in the cycle, InvalidInput, and Conflict when the cycle is finished.
    """
    entry = yield from find_entry(org_id, cycle_id, key)
    yield from record_outcomes(org_id, project_id, cycle_id, [(entry.case_id, outcome)], by=by)


def record_outcomes(
    org_id: int,
    project_id: int,
    cycle_id: int,
    outcomes: Sequence[tuple[int, Outcome]],
    *,
    by: int | None,
    import_id: int | None = None,
    executed_at: datetime | None = None,
) -> Operation[None]:
    """Executions by case id, all in few statements; a case that was not in the cycle comes into it. A case that is
    named twice is executed twice, and stands as it did last."""
    yield from lock_cycle(org_id, project_id, cycle_id, open_only=True)
    if not outcomes:
        return
    values = {
        "org_id": org_id, "cycle_id": cycle_id, "import_id": import_id, "executed_by": by, "executed_at": executed_at,
    }  # fmt: skip
    for batch in _once_each([(case_id, _checked(outcome)) for case_id, outcome in outcomes]):
        params = {**values, "case_ids": sorted(batch), "outcomes": _encoded(batch)}
        yield Statement(_KNOWN, params)
        yield Statement(_STAND, params)
        yield Statement(_WRITE, params)
    yield Statement(_BEGIN, values)


def _once_each(outcomes: Sequence[tuple[int, Outcome]]) -> list[dict[int, Outcome]]:
    """In rounds in which each case occurs once: one statement cannot write a row twice."""
    rounds: list[dict[int, Outcome]] = []
    times: dict[int, int] = {}
    for case_id, outcome in outcomes:
        nth = times.get(case_id, 0)
        times[case_id] = nth + 1
        if nth == len(rounds):
            rounds.append({})
        rounds[nth][case_id] = outcome
    return rounds


def _encoded(batch: dict[int, Outcome]) -> str:
    rows: list[Row] = [{"case_id": case_id, **msgspec.structs.asdict(outcome)} for case_id, outcome in batch.items()]
    return msgspec.json.encode(rows).decode()


def _checked(outcome: Outcome) -> Outcome:
    if outcome.result not in get_args(Executed):
        raise InvalidInput("Choose passed, failed, blocked or skipped.", field="result")
    if outcome.duration_ms is not None and not 0 <= outcome.duration_ms <= LONGEST_DURATION_MS:
        raise InvalidInput("A duration is between nothing and 30 days.", field="duration")
    texts: dict[str, Any] = {
        "comment": outcome.comment.replace("\x00", "").replace("\r\n", "\n").strip(),
        "defect": in_one_line(outcome.defect),
    }
    for field, most in (("comment", 4_000), ("defect", 500)):
        if len(texts[field]) > most:
            raise InvalidInput(f"The {field} takes at most {most:,} characters.", field=field)
    return msgspec.structs.replace(outcome, **texts)


def cycles_of_case(org_id: int, case_id: int, *, limit: int) -> Operation[list[CaseResult]]:
    """How a case stands in the newest cycles it is in."""
    rows = yield Statement(_OF_CASE, {"org_id": org_id, "case_id": case_id, "limit": limit})
    return [CaseResult(**row) for row in rows]
