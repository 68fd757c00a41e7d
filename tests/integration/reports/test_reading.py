"""What is read from the database is what was executed there, of this project and no other organization."""

import random
from datetime import timedelta
from itertools import pairwise

import msgspec
import psycopg
import pytest

from testkase.core.ledger.engine import Engine
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import InvalidInput
from testkase.services.audit import OPERATOR
from testkase.services.features.reports.facts.computing import compute
from testkase.services.features.reports.facts.flaky import flaky_cases
from testkase.services.features.reports.facts.history import History
from testkase.services.features.reports.facts.reading import read_history
from testkase.services.features.reports.model import KINDS
from testkase.services.workspace.cases import edit_case, find_case
from testkase.services.workspace.folders import create_folder
from testkase.services.workspace.model import Step
from testkase.services.workspace.projects import create_project
from tests.integration.reports.conftest import Scene
from tests.support.cluster import TestDatabase
from tests.support.cycles import BEGAN, a_cycle, some_cases
from tests.support.features import LARGE_MODEL

THEIRS = "canary-8812-theirs"


async def history(scene: Scene, **options: int) -> History:
    found: History = await scene.ask(
        read_history(scene.org_id, scene.project_id, **{"cycles": 10, **options}, texts=True)
    )
    return found


async def test_the_window_is_the_last_finished_cycles_and_the_target_the_newest_running(scene: Scene) -> None:
    past = await history(scene)
    assert [cycle.name for cycle in past.cycles] == ["Sprint 1", "Sprint 2", "Sprint 3"]
    assert past.target is not None
    assert (past.target.name, past.target.finished) == ("Sprint 4", False)
    assert [cycle.name for cycle in (await history(scene, cycles=2)).cycles] == ["Sprint 2", "Sprint 3"]
    first = await history(scene, cycle_id=past.cycles[0].cycle_id)
    assert first.target is not None
    assert first.target.name == "Sprint 1"


async def test_cases_come_with_results_executions_folder_and_text(scene: Scene) -> None:
    one = next(case for case in (await history(scene)).cases if case.key == scene.keys[0])
    assert one.results == ("failed", "passed", "failed")
    assert [(run.cycle, run.passed) for run in one.executions] == [(0, True), (0, False), (1, True), (2, False)]
    assert (one.now, one.priority, one.durations_ms[0]) == ("passed", "high", 2_000)
    assert one.text == "Pay with a voucher  Do Pay with a voucher It works"


async def test_an_edit_of_what_is_tested_ends_a_comparison_and_another_edit_does_not(
    scene: Scene, database: TestDatabase
) -> None:
    async def alternated() -> list[tuple[str, int, int]]:
        return [(one.case.key, one.alternations, one.pairs) for one in flaky_cases(await history(scene))]

    key = scene.keys[0]
    assert await alternated() == [(key, 3, 3)]
    for change, pairs in (({"tags": ("slow",)}, 3), ({"steps": (Step(action="Do it otherwise"),)}, 2)):
        await scene.ask(_edited(scene, key, **change))
        with psycopg.connect(database.owner_url, autocommit=True) as owner:  # it was made before the second cycle
            owner.execute("UPDATE case_change SET changed_at = %s", [BEGAN + timedelta(days=5)])
        assert await alternated() == [(key, pairs, pairs)]


async def test_folders_have_their_path(scene: Scene) -> None:
    above = await scene.ask(create_folder(scene.org_id, scene.project_id, "Checkout"))
    inside = await scene.ask(create_folder(scene.org_id, scene.project_id, "Vouchers", parent_id=above))
    await scene.ask(_moved(scene.org_id, scene.keys[0], inside))
    facts = compute("risk", await history(scene))
    assert "Checkout / Vouchers" in {row.cells[0] for row in facts.tables[0].rows}


async def test_facts_from_the_database_agree_with_single_executions_counted_one_by_one(bare: Scene) -> None:
    """Sixteen cases by chance: the sums of tables and chart are recounted from the rows themselves."""
    chance = random.Random(20)
    keys = await bare.ask(
        some_cases(bare.org_id, bare.project_id, [f"Case {n}" for n in range(16)], author_id=bare.user_id)
    )
    for week in range(5):
        results = {key: "".join(chance.choices("PPPFBS", k=chance.randrange(0, 4))) for key in keys}
        await bare.ask(a_cycle(bare.org_id, bare.project_id, f"Week {week}", results, week=week, finish=week < 4))
    past = await history(bare)
    runs: dict[str, list[bool]] = {}
    for key, passed in await bare.ask(_executions(bare.org_id)):
        runs.setdefault(key, []).append(passed)
    counted = {key: sum(one != other for one, other in pairwise(told)) for key, told in runs.items()}
    assert {one.case.key: one.alternations for one in flaky_cases(past)} == {k: n for k, n in counted.items() if n > 1}
    stands = await bare.ask(_standing(bare.org_id))
    chart = compute("readiness", past).chart
    assert chart is not None
    assert dict(zip(chart.labels, chart.values, strict=True)) == stands


@pytest.fixture
async def neighbours(scene: Scene, database: TestDatabase, engine: Engine) -> Scene:
    """Another organization in the same database, with the same project key and cycles that never pass."""
    other = Scene(scene.database, engine, scene.owner_url)
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        person = owner.execute(
            "INSERT INTO app_user (password, is_superuser, email, ref, display_name, is_active, is_staff, date_joined)"
            " VALUES ('', false, 'eve@example.com', 'eve@example.com', 'Eve', true, false, now()) RETURNING id"
        ).fetchone()
        made = owner.execute("INSERT INTO organization (name, slug) VALUES ('Other', 'other') RETURNING id").fetchone()
        assert person is not None
        assert made is not None
        other.user_id, other.org_id = person[0], made[0]
    other.project_id = await other.ask(create_project(other.org_id, key="SHOP", name=THEIRS, actor=OPERATOR))
    keys = await other.ask(
        some_cases(other.org_id, other.project_id, [f"{THEIRS} {n}" for n in range(6)], author_id=other.user_id)
    )
    for week in range(4):
        failing = dict.fromkeys(keys, "PF")
        await other.ask(
            a_cycle(other.org_id, other.project_id, f"{THEIRS} {week}", failing, week=week, finish=week < 3)
        )
    return other


@pytest.mark.requirement("R72", "R73", "I13")
async def test_neither_facts_nor_prompts_hold_anything_of_another_organization(scene: Scene, neighbours: Scene) -> None:
    before = [compute(kind, await history(scene)) for kind in KINDS]
    first = await scene.asked(*KINDS, model=LARGE_MODEL)
    await scene.made(first)
    for view in await scene.all_of(first):
        assert view.facts in before
        assert THEIRS not in repr(view)
    assert len(scene.upstream.requests) >= len(KINDS)
    assert all(THEIRS not in str(request.body) for request in scene.upstream.requests)


@pytest.mark.requirement("R72", "I13")
async def test_another_organizations_cycle_or_project_cannot_be_asked_for(scene: Scene, neighbours: Scene) -> None:
    theirs = await history(neighbours)
    assert theirs.target is not None
    with pytest.raises(InvalidInput):
        await scene.asked("readiness", cycle_id=theirs.target.cycle_id)
    crossed: History = await scene.ask(read_history(scene.org_id, neighbours.project_id, cycles=10))
    assert (crossed.cycles, crossed.target, crossed.cases) == ((), None, ())


def _edited(scene: Scene, key: str, **change: object) -> Operation[object]:
    found = yield from find_case(scene.org_id, scene.project_id, key)
    content = msgspec.structs.replace(found.content, **change)
    return (
        yield from edit_case(
            scene.org_id, scene.project_id, key, content, folder_id=None, version=found.version, editor_id=scene.user_id
        )
    )


def _moved(org_id: int, key: str, folder_id: int) -> Operation[None]:
    sql = "UPDATE test_case SET folder_id = %(f)s WHERE org_id = %(o)s AND key = %(k)s"
    yield Statement(sql, {"o": org_id, "k": key, "f": folder_id})


def _executions(org_id: int) -> Operation[list[tuple[str, bool]]]:
    rows = yield Statement(
        "SELECT c.key, e.result FROM execution e JOIN test_case c USING (org_id, case_id) JOIN test_cycle t"
        " USING (org_id, cycle_id) WHERE e.org_id = %(o)s AND t.state = 'finished'"
        " ORDER BY e.executed_at, e.execution_id",
        {"o": org_id},
    )
    return [(row["key"], row["result"] == "passed") for row in rows if row["result"] in ("passed", "failed")]


def _standing(org_id: int) -> Operation[dict[str, tuple[int, ...]]]:
    rows = yield Statement(
        "SELECT t.name, e.result FROM cycle_entry e JOIN test_cycle t USING (org_id, cycle_id) WHERE e.org_id = %(o)s",
        {"o": org_id},
    )
    results = ("passed", "failed", "blocked", "skipped", "not_executed")
    names = {row["name"] for row in rows}
    return {
        name: tuple(sum(row["name"] == name and row["result"] == one for row in rows) for one in results)
        for name in names
    }
