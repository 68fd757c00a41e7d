"""Cycles and executions: what was executed stays on record, and progress is what the entries say."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.audit import OPERATOR
from testkase.services.audit.finding import changes
from testkase.services.workspace import cycles
from testkase.services.workspace.executions import (
    execute,
    executions_of,
    find_entry,
    list_entries,
    place_of,
    record_outcomes,
)
from testkase.services.workspace.folders import create_folder
from testkase.services.workspace.model import Cycle, CyclePlan, Outcome, Progress
from tests.integration.workspace.conftest import Bench


class Run:
    """A cycle of a bench, with a few cases."""

    def __init__(self, bench: Bench, cases: int = 3) -> None:
        self.bench, self.place = bench, (bench.org_id, bench.project_id)
        self.keys = [bench.write(f"Case {number}") for number in range(cases)]
        plan = CyclePlan(name="Sprint 1", environment="Staging")
        self.cycle_id = int(bench.run(cycles.create_cycle(*self.place, plan, author_id=bench.ann)))
        bench.run(cycles.add_to_cycle(*self.place, self.cycle_id, self.keys))

    def execute(self, key: str, result: Any, **facts: Any) -> None:
        self.bench.run(
            execute(*self.place, self.cycle_id, key, Outcome(result=result, **facts), by=self.bench.bob)
        )  # fmt: skip

    def state(self, state: Any) -> bool:
        return bool(self.bench.run(cycles.set_cycle_state(*self.place, self.cycle_id, state, actor=OPERATOR)))

    @property
    def cycle(self) -> Cycle:
        found: Cycle = self.bench.run(cycles.find_cycle(*self.place, self.cycle_id))
        return found


@pytest.fixture
def sprint(bench: Bench) -> Run:
    return Run(bench)


@pytest.mark.requirement("R63")
def test_progress_counts_where_each_case_stands(sprint: Run) -> None:
    assert sprint.cycle.progress == Progress(not_executed=3)
    sprint.execute("SHOP-1", "passed", duration_ms=1_200)
    sprint.execute("SHOP-2", "failed", comment="It broke", defect="BUG-7")
    assert sprint.cycle.progress == Progress(passed=1, failed=1, not_executed=1)
    assert (sprint.cycle.progress.percent, sprint.cycle.state) == (66, "running")


def test_a_re_execution_is_kept_beside_the_first(sprint: Run) -> None:
    sprint.execute("SHOP-1", "failed", comment="It broke")
    sprint.execute("SHOP-1", "passed")
    entry = sprint.bench.run(find_entry(sprint.bench.org_id, sprint.cycle_id, "SHOP-1"))
    assert (entry.result, entry.comment, entry.executions, entry.executed_by) == ("passed", "", 2, "Member")
    past = sprint.bench.run(executions_of(sprint.bench.org_id, sprint.cycle_id, entry.case_id))
    assert [(one.result, one.comment) for one in past] == [("passed", ""), ("failed", "It broke")]


def test_executions_at_once_are_all_kept(sprint: Run) -> None:
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: sprint.execute("SHOP-1", "passed"), range(12)))
    entry = sprint.bench.run(find_entry(sprint.bench.org_id, sprint.cycle_id, "SHOP-1"))
    past = sprint.bench.run(executions_of(sprint.bench.org_id, sprint.cycle_id, entry.case_id))
    assert (entry.executions, len(past)) == (12, 12)


def test_results_of_a_file_bring_their_cases_along(sprint: Run) -> None:
    outside = sprint.bench.write("Outside")
    (row,) = sprint.bench.rows("SELECT case_id FROM test_case WHERE org_id = %(org_id)s AND key = %(key)s", key=outside)
    twice = [(row["case_id"], Outcome(result=result)) for result in ("failed", "passed")]
    sprint.bench.run(record_outcomes(*sprint.place, sprint.cycle_id, twice, by=None))
    entry = sprint.bench.run(find_entry(sprint.bench.org_id, sprint.cycle_id, outside))
    assert (entry.result, entry.executions, entry.executed_by) == ("passed", 2, None)


def test_a_finished_cycle_stays_as_it_is_until_it_is_taken_up_again(sprint: Run) -> None:
    assert sprint.state("running")
    assert sprint.state("finished")
    assert not sprint.state("finished")
    with pytest.raises(Conflict, match="finished"):
        sprint.execute("SHOP-1", "passed")
    with pytest.raises(Conflict):
        sprint.bench.run(cycles.add_to_cycle(*sprint.place, sprint.cycle_id, sprint.keys))
    assert sprint.state("running")
    sprint.execute("SHOP-1", "passed")
    assert sprint.cycle.finished_at is None
    told = [found.record.action for found in sprint.bench.run(changes(sprint.bench.org_id, limit=9, before_seq=2**62))]
    assert told[:2] == ["cycle.reopened", "cycle.finished"]


def test_a_planned_cycle_is_not_finished_at_once(sprint: Run) -> None:
    with pytest.raises(Conflict, match="planned cycle cannot become finished"):
        sprint.state("finished")


def test_entries_come_page_by_page_and_by_result(sprint: Run) -> None:
    sprint.execute("SHOP-2", "blocked")
    org_id = sprint.bench.org_id
    first = sprint.bench.run(list_entries(org_id, sprint.cycle_id, limit=2))
    rest = sprint.bench.run(list_entries(org_id, sprint.cycle_id, limit=2, after=first[-1].case_id))
    assert [entry.key for entry in (*first, *rest)] == sprint.keys
    blocked = sprint.bench.run(list_entries(org_id, sprint.cycle_id, limit=9, result="blocked"))
    assert [entry.key for entry in blocked] == ["SHOP-2"]
    place = sprint.bench.run(place_of(org_id, sprint.cycle_id, blocked[0].case_id))
    assert (place.previous, place.following, place.place) == ("SHOP-1", "SHOP-3", 2)


def test_ready_cases_of_a_folder_are_added_at_once(bench: Bench) -> None:
    folder = bench.run(create_folder(bench.org_id, bench.project_id, "Cart"))
    bench.write("In", folder_id=folder)
    bench.write("Draft", folder_id=folder, status="draft")
    sprint = Run(bench, cases=1)
    assert bench.run(cycles.add_ready_cases(*sprint.place, sprint.cycle_id, folders=[folder])) == 1
    assert bench.run(cycles.add_ready_cases(*sprint.place, sprint.cycle_id)) == 0
    assert sprint.cycle.progress.total == 2


def test_what_was_executed_stays_in_the_cycle(sprint: Run) -> None:
    sprint.execute("SHOP-1", "passed")
    sprint.bench.run(cycles.take_out_of_cycle(*sprint.place, sprint.cycle_id, "SHOP-2"))
    with pytest.raises(Conflict, match="stays in it"):
        sprint.bench.run(cycles.take_out_of_cycle(*sprint.place, sprint.cycle_id, "SHOP-1"))
    assert sprint.cycle.progress.total == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": ""},
        {"name": "x" * 121},
        {"environment": "x" * 121},
        {"starts_on": date(2026, 11, 2), "ends_on": date(2026, 11, 1)},
    ],
)
def test_a_plan_that_cannot_be_is_refused(bench: Bench, wrong: dict[str, Any]) -> None:
    plan = CyclePlan(**{"name": "Sprint", **wrong})
    with pytest.raises(InvalidInput):
        bench.run(cycles.create_cycle(bench.org_id, bench.project_id, plan, author_id=None))


@pytest.mark.parametrize(
    "wrong",
    [{"result": "not_executed"}, {"comment": "x" * 4_001}, {"defect": "x" * 501}, {"duration_ms": -1}],
)
def test_an_outcome_that_cannot_be_is_refused(sprint: Run, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        sprint.execute("SHOP-1", **{"result": "passed", **wrong})
    assert sprint.cycle.progress.executed == 0


def test_a_deleted_cycle_takes_its_results_along_and_leaves_the_cases(sprint: Run) -> None:
    sprint.execute("SHOP-1", "passed")
    sprint.bench.run(cycles.delete_cycle(*sprint.place, sprint.cycle_id, actor=OPERATOR))
    with pytest.raises(NotFound):
        _ = sprint.cycle
    assert sprint.bench.rows("SELECT 1 FROM execution WHERE org_id = %(org_id)s") == []
    assert len(sprint.bench.rows("SELECT 1 FROM test_case WHERE org_id = %(org_id)s")) == 3


def test_cycles_of_another_organization_are_not_there(sprint: Run, neighbour: Bench) -> None:
    cycle_id = sprint.cycle_id
    place = (neighbour.org_id, neighbour.project_id)
    for attempt in (
        cycles.find_cycle(*place, cycle_id),
        cycles.change_cycle(*place, cycle_id, CyclePlan(name="Mine")),
        cycles.set_cycle_state(*place, cycle_id, "running", actor=OPERATOR),
        cycles.delete_cycle(*place, cycle_id, actor=OPERATOR),
        cycles.add_to_cycle(*place, cycle_id, ["SHOP-1"]),
        execute(*place, cycle_id, "SHOP-1", Outcome(result="passed"), by=None),
        record_outcomes(*sprint.place, cycle_id, [(1, Outcome(result="passed"))], by=None),
    ):
        with pytest.raises(NotFound):
            neighbour.run(attempt)
    assert sprint.cycle.progress == Progress(not_executed=3)
