"""The demo project's cycles: three that are finished, a week apart, and one that runs. Two cases are flaky."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import LiteralString

from testkase.foundation.clock import utc_now
from testkase.foundation.database import Operation, Statement
from testkase.services.workspace.cycles import create_cycle
from testkase.services.workspace.executions import record_outcomes
from testkase.services.workspace.model import CyclePlan, Executed, Outcome

# Places in the list of cases.
FLAKY = {9: (2, 4), 17: (1, 2, 4)}
"""Fail in these cycles and pass in others, without anybody changing anything."""
_AGAIN = {2: (9, 17), 4: (9,)}
"""Passed when they were executed once more, in the same cycle."""
_BROKEN = {1: (8, 13), 2: (8,), 3: (22,), 4: (13,)}
"""What failed in which cycle, in earnest: mended later, but for the last."""
_BLOCKED = {1: (11,), 2: (24,), 4: (11,)}
_SKIPPED = {1: (24, 21), 3: (21,)}
_STANDS_OPEN_AFTER = 18
"""In the cycle that runs, the cases behind this one have not been executed yet."""

_ADD: LiteralString = """
INSERT INTO cycle_entry (org_id, cycle_id, case_id)
SELECT %(org_id)s, %(cycle_id)s, unnest(%(case_ids)s::bigint[])
"""
_AS_IT_WAS: LiteralString = """
UPDATE test_cycle SET state = %(state)s, created_at = %(began)s, started_at = %(began)s, finished_at = %(ended)s
WHERE org_id = %(org_id)s AND cycle_id = %(cycle_id)s
"""


def seed_cycles(org_id: int, project_id: int, case_ids: Sequence[int], *, people: Sequence[int]) -> Operation[None]:
    """All four, executed by these people in turn."""
    now = utc_now()
    for number in (1, 2, 3, 4):
        began = now - timedelta(days=7 * (4 - number) + 3)
        ended = began + timedelta(days=4) if number < 4 else None
        plan = CyclePlan(
            name=f"Sprint {40 + number}",
            environment="Staging" if number != 3 else "Production, canary",
            starts_on=began.date(),
            ends_on=(began + timedelta(days=6)).date(),
        )
        cycle_id = yield from create_cycle(org_id, project_id, plan, author_id=people[0])
        place = {"org_id": org_id, "cycle_id": cycle_id}
        yield Statement(_ADD, {**place, "case_ids": list(case_ids)})
        yield from _execute(org_id, project_id, cycle_id, case_ids, number=number, began=began, people=people)
        state = "finished" if ended else "running"
        yield Statement(_AS_IT_WAS, {**place, "state": state, "began": began, "ended": ended})


def _execute(
    org_id: int,
    project_id: int,
    cycle_id: int,
    case_ids: Sequence[int],
    *,
    number: int,
    began: datetime,
    people: Sequence[int],
) -> Operation[None]:
    """A morning of work for each person, then what failed by chance once more."""
    last = len(case_ids) if number < 4 else _STANDS_OPEN_AFTER
    for turn, person in enumerate(people):
        at = began + timedelta(days=turn + 1, hours=2)
        mine = [(case_ids[nth], _outcome(number, nth)) for nth in range(last) if nth % len(people) == turn]
        yield from record_outcomes(org_id, project_id, cycle_id, mine, by=person, executed_at=at)
    again = [(case_ids[nth], Outcome(result="passed", duration_ms=41_000 + nth)) for nth in _AGAIN.get(number, ())]
    at = began + timedelta(days=2, hours=5)
    yield from record_outcomes(org_id, project_id, cycle_id, again, by=people[-1], executed_at=at)


def _outcome(number: int, nth: int) -> Outcome:
    duration = 20_000 + (nth * 7_919 + number * 1_301) % 90_000
    if number in FLAKY.get(nth, ()):
        return _failed("Timed out while waiting for the page. Nothing was deployed in between.", "")
    if nth in _BROKEN.get(number, ()):
        return _failed("Reproduced twice.", f"https://issues.example.com/SHOP-{400 + nth}")
    result: Executed = "passed"
    comment = ""
    if nth in _BLOCKED.get(number, ()):
        what = "load generator" if nth > 20 else "payment provider's test system"
        result, comment = "blocked", f"The {what} is not available on this environment."
    elif nth in _SKIPPED.get(number, ()):
        result, comment = "skipped", "Not changed since the last cycle."
    return Outcome(result=result, comment=comment, duration_ms=duration if result == "passed" else None)


def _failed(comment: str, defect: str) -> Outcome:
    return Outcome(result="failed", comment=comment, defect=defect, duration_ms=31_000)
