"""Cycles with results in a test database, in few words."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from testkase.foundation.database import Operation, Statement
from testkase.services.audit import OPERATOR
from testkase.services.workspace.cases import create_case
from testkase.services.workspace.cycles import add_to_cycle, create_cycle, set_cycle_state
from testkase.services.workspace.executions import record_outcomes
from testkase.services.workspace.model import CaseContent, CyclePlan, Executed, Outcome, Priority, Step

WORDS: Mapping[str, Executed] = {"P": "passed", "F": "failed", "B": "blocked", "S": "skipped"}
BEGAN = datetime(2026, 9, 1, 9, tzinfo=UTC)

_IDS = "SELECT case_id, key FROM test_case WHERE org_id = %(org_id)s AND key = ANY(%(keys)s)"
_ENDED = "UPDATE test_cycle SET finished_at = %(at)s WHERE org_id = %(org_id)s AND cycle_id = %(cycle_id)s"


def some_cases(
    org_id: int, project_id: int, titles: Sequence[str], *, author_id: int, priority: Priority = "high"
) -> Operation[list[str]]:
    """Ready cases; answers their keys."""
    keys = []
    for title in titles:
        content = CaseContent(title=title, steps=(Step(action=f"Do {title}", expected="It works"),), priority=priority)
        keys.append((yield from create_case(org_id, project_id, content, author_id=author_id)))
    return keys


def a_cycle(
    org_id: int, project_id: int, name: str, results: Mapping[str, str], *, week: int, finish: bool = True
) -> Operation[int]:
    """A cycle of that week with its cases; "FP" is a case that failed and then passed, "" one nobody executed."""
    cycle_id = yield from create_cycle(org_id, project_id, CyclePlan(name=name), author_id=None)
    yield from set_cycle_state(org_id, project_id, cycle_id, "running", actor=OPERATOR)
    yield from add_to_cycle(org_id, project_id, cycle_id, list(results))
    ids = {row["key"]: row["case_id"] for row in (yield Statement(_IDS, {"org_id": org_id, "keys": list(results)}))}
    at = BEGAN + timedelta(days=7 * week)
    for turn in range(max((len(one) for one in results.values()), default=0)):
        told = [
            (ids[key], Outcome(result=WORDS[one[turn]], duration_ms=1_000 * (turn + 1)))
            for key, one in results.items()
            if len(one) > turn
        ]
        yield from record_outcomes(org_id, project_id, cycle_id, told, by=None, executed_at=at + timedelta(hours=turn))
    if finish:
        yield from set_cycle_state(org_id, project_id, cycle_id, "finished", actor=OPERATOR)
        ended = {"org_id": org_id, "cycle_id": cycle_id, "at": at + timedelta(days=4)}
        yield Statement(_ENDED, ended)
    return cycle_id
