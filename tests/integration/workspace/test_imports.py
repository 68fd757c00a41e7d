"""Imports: what a file says takes effect once, every line is accounted for, and nothing of the file stays."""

import asyncio
from typing import Any

import pytest

from testkase.foundation.database import Database, Operation
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.audit import OPERATOR, Actor
from testkase.services.audit.finding import changes
from testkase.services.audit.sentences import change_sentence
from testkase.services.workspace import cycles
from testkase.services.workspace.cases import find_case, move_cases
from testkase.services.workspace.executions import list_entries
from testkase.services.workspace.exporting.feature import feature_head, scenario
from testkase.services.workspace.exporting.reading import exported_cases
from testkase.services.workspace.folders import folder_at, list_folders
from testkase.services.workspace.history import case_changes
from testkase.services.workspace.importing import run as running
from testkase.services.workspace.importing.model import ImportKind, ImportOptions
from testkase.services.workspace.importing.requests import (
    MOST_UNDER_WAY,
    ImportRun,
    find_import,
    list_imports,
    report_lines,
    request_import,
)
from testkase.services.workspace.model import CyclePlan, Progress, Step
from testkase.services.workspace.search import Wanted
from tests.integration.workspace.conftest import Bench

ANN = Actor(kind="person", ref="owner@example.com", name="Owner")
RESULTS = b"""<testsuite>
<testcase classname="shop.PayTest" name="pays" time="1"/>
<testcase classname="shop.PayTest" name="declined"><failure message="m"/></testcase>
<testcase classname="other" name="By title"/>
</testsuite>"""


def ask(bench: Bench, kind: ImportKind, content: bytes, **options: Any) -> tuple[int, bool]:
    asking = request_import(
        bench.org_id, bench.project_id, kind=kind, file_name=f"file.{kind}", content=content,
        options=ImportOptions(**options), actor=ANN, user_id=bench.ann,
    )  # fmt: skip
    found: tuple[int, bool] = bench.run(asking)
    return found


def work(bench: Bench, import_id: int, *, last_try: bool = False) -> ImportRun:
    async def once() -> None:
        database = Database(bench.database.url, max_size=2)
        await database.open()
        try:
            await running.run_import(bench.org_id, import_id, database, last_try=last_try)
        finally:
            await database.close()

    asyncio.run(once())
    found: ImportRun = bench.run(find_import(bench.org_id, import_id))
    return found


def bring(bench: Bench, kind: ImportKind, content: bytes, **options: Any) -> ImportRun:
    return work(bench, ask(bench, kind, content, **options)[0])


def told(bench: Bench, run: ImportRun) -> list[tuple[int, str, str | None]]:
    lines = bench.run(report_lines(bench.org_id, run.import_id, limit=100))
    return [(line.line, line.outcome, line.case_key) for line in lines]


def test_cases_of_a_table_are_written_and_found_again(bench: Bench) -> None:
    table = b"Title,Folder,Steps,Priority\nPay,Checkout,Open,high\nReturn,Checkout/Later,Send,low\n,,,\nBare,,,\n"
    run = bring(bench, "csv", table)
    assert (run.state, run.counts, run.done, run.total) == ("succeeded", {"created": 2, "skipped": 1}, 3, 3)
    assert told(bench, run) == [(2, "created", "SHOP-1"), (3, "created", "SHOP-2"), (5, "skipped", None)]
    paths = [folder.path for folder in bench.run(list_folders(bench.org_id, bench.project_id))]
    assert paths == ["Checkout", "Checkout / Later"]
    again = bring(bench, "csv", table)
    assert again.counts == {"unchanged": 2, "skipped": 1}


def test_only_what_the_file_speaks_of_changes(bench: Bench) -> None:
    key = bench.write("Pay", priority="critical", tags=("a",))
    run = bring(bench, "csv", b"Key,Title,Status\nSHOP-1,Pay by card,deprecated\nSHOP-77,Unknown,ready\n")
    case = bench.run(find_case(bench.org_id, bench.project_id, key))
    assert (case.content.title, case.content.status) == ("Pay by card", "deprecated")
    assert (case.content.priority, case.content.tags, len(case.content.steps)) == ("critical", ("a",), 1)
    newest = bench.run(case_changes(bench.org_id, case.case_id, limit=1))[0]
    assert (newest.origin, set(newest.fields), newest.changed_by) == ("import", {"title", "status"}, "Owner")
    assert run.counts == {"updated": 1, "skipped": 1}, "a case of one line has no steps"


def test_several_cases_of_one_title_are_told_apart_by_their_keys(bench: Bench) -> None:
    bench.write("Pay")
    bench.write("Pay")
    run = bring(bench, "csv", b"Title,Steps\nPay,Open\n")
    (line,) = bench.run(report_lines(bench.org_id, run.import_id, limit=9))
    assert (line.outcome, line.reason) == ("skipped", "SHOP-1 and SHOP-2 have this title: name one by its key.")


def test_scenarios_come_into_the_folder_of_their_feature(bench: Bench) -> None:
    run = bring(bench, "gherkin", b"Feature: Paying\n@card\nScenario: Card\nWhen I pay\nThen one order\n")
    case = bench.run(find_case(bench.org_id, bench.project_id, "SHOP-1"))
    assert (run.counts, case.content.tags, case.content.steps[0].expected) == ({"created": 1}, ("card",), "one order")


def test_an_exported_feature_file_finds_the_cases_it_came_from(bench: Bench) -> None:
    """Each was written again, in a folder named after the feature."""
    folder = bench.run(folder_at(bench.org_id, bench.project_id, "Checkout / Payment"))
    odd = {
        "preconditions": "A cart\n\nAn address", "description": "Scenario: none\n\nTwo  lines", "priority": "low",
        "type": "smoke", "tags": ("two words", "fast", "low"),
        "steps": (Step(action="Given a card\nThen pay", expected="One\nOrder"), Step(action="| a"), Step(action="Go")),
    }  # fmt: skip
    for title in ("Pay", "Pay"):
        bench.write(title, **odd)
    bench.write("Plain")
    bench.run(move_cases(bench.org_id, bench.project_id, ["SHOP-1"], folder, editor_id=bench.ann))
    cases = bench.run(exported_cases(bench.org_id, bench.project_id, Wanted(), limit=9))
    feature = feature_head("Web shop") + "".join(map(scenario, cases))
    run = bring(bench, "gherkin", feature.encode())
    assert [(outcome, key) for _, outcome, key in told(bench, run)] == [
        ("unchanged", "SHOP-3"), ("unchanged", "SHOP-2"), ("unchanged", "SHOP-1"),
    ]  # fmt: skip
    assert [bench.run(find_case(bench.org_id, bench.project_id, one.case.key)) for one in cases] == [
        one.case for one in cases
    ]
    changed = feature.replace("When Go", "When Stop").replace("@low @smoke", "@high @smoke", 1)
    run = bring(bench, "gherkin", changed.encode())
    assert run.counts == {"updated": 2, "unchanged": 1}
    after = bench.run(find_case(bench.org_id, bench.project_id, "SHOP-2"))
    assert (after.content.steps[-1].action, after.content.priority) == ("Stop", "high")
    assert (after.content.preconditions, after.content.tags) == (odd["preconditions"], odd["tags"])
    assert {row["key"] for row in bench.rows("SELECT key FROM test_case WHERE org_id = %(org_id)s")} == {
        "SHOP-1", "SHOP-2", "SHOP-3",
    }  # fmt: skip


@pytest.mark.requirement("R63")
def test_results_find_their_cases_and_stand_in_the_cycle(bench: Bench) -> None:
    bench.write("Pay", automation_id="shop.PayTest.pays")
    bench.write("By title")
    run = bring(bench, "junit", RESULTS, cycle_name="Nightly")
    assert told(bench, run) == [(2, "matched", "SHOP-1"), (3, "skipped", None), (4, "matched", "SHOP-2")]
    assert (run.cycle_name, run.kind) == ("Nightly", "junit")
    cycle = bench.run(cycles.find_cycle(bench.org_id, bench.project_id, run.cycle_id or 0))
    assert (cycle.progress, cycle.state) == (Progress(passed=2), "running")
    entries = bench.run(list_entries(bench.org_id, cycle.cycle_id, limit=9))
    assert [(entry.key, entry.duration_ms, entry.executed_by) for entry in entries] == [
        ("SHOP-1", 1_000, "Owner"), ("SHOP-2", None, "Owner"),
    ]  # fmt: skip


def test_the_same_results_in_the_same_cycle_change_nothing(bench: Bench) -> None:
    first = bring(bench, "junit", RESULTS, cycle_name="Nightly", unmatched="create")
    before = bench.rows("SELECT count(*) FROM execution WHERE org_id = %(org_id)s")
    same, new = ask(bench, "junit", RESULTS, cycle_name="Nightly", unmatched="create")
    assert (same, new) == (first.import_id, False)
    assert work(bench, same).counts == {"created": 3}
    assert bench.rows("SELECT count(*) FROM execution WHERE org_id = %(org_id)s") == before
    elsewhere = bring(bench, "junit", RESULTS, cycle_name="Weekly", unmatched="create")
    assert elsewhere.counts == {"matched": 3}, "the cases written the first time are found by their automation ids"


def test_results_that_were_left_out_are_taken_over_once_they_have_a_case_and_the_others_stay(bench: Bench) -> None:
    bench.write("By title")
    first = bring(bench, "junit", RESULTS, cycle_name="Nightly")
    assert first.counts == {"matched": 1, "skipped": 2}
    assert ask(bench, "junit", RESULTS, cycle_name="Nightly") == (first.import_id, False)
    bench.write("Pay", automation_id="shop.PayTest.pays")
    second = bring(bench, "junit", RESULTS, cycle_name="Nightly")
    assert told(bench, second) == [(2, "matched", "SHOP-2"), (3, "skipped", None), (4, "unchanged", "SHOP-1")]
    place = (bench.org_id, bench.project_id, first.cycle_id or 0)
    bench.run(cycles.set_cycle_state(*place, "finished", actor=OPERATOR))
    bench.write("Refund", automation_id="shop.PayTest.declined.later")
    assert ask(bench, "junit", RESULTS, cycle_name="Nightly") == (second.import_id, False)
    bench.run(cycles.set_cycle_state(*place, "running", actor=OPERATOR))
    third = bring(bench, "junit", RESULTS, cycle_id=first.cycle_id, unmatched="create")
    assert third.counts == {"unchanged": 2, "created": 1}
    assert ask(bench, "junit", RESULTS, cycle_name="Nightly") == (third.import_id, False)
    entries = bench.run(list_entries(bench.org_id, first.cycle_id or 0, limit=9))
    assert [entry.executions for entry in entries] == [1, 1, 1]


def test_the_same_results_are_known_whether_their_cycle_is_named_or_chosen(bench: Bench) -> None:
    first = bring(bench, "junit", RESULTS, cycle_name="Nightly", unmatched="create")
    assert ask(bench, "junit", RESULTS, cycle_id=first.cycle_id) == (first.import_id, False)


def test_the_results_of_a_cycle_that_was_deleted_can_be_brought_in_again(bench: Bench) -> None:
    first = bring(bench, "junit", RESULTS, cycle_name="Nightly", unmatched="create")
    bench.run(cycles.delete_cycle(bench.org_id, bench.project_id, first.cycle_id or 0, actor=OPERATOR))
    second = bring(bench, "junit", RESULTS, cycle_name="Nightly", unmatched="create")
    assert second.counts == {"matched": 3}
    assert len(bench.run(list_entries(bench.org_id, second.cycle_id or 0, limit=9))) == 3


def test_results_without_a_case_write_it_if_wanted(bench: Bench) -> None:
    twice = b'<testsuite><testcase name="a"><failure/></testcase><testcase name="a"/></testsuite>'
    run = bring(bench, "junit", twice, cycle_name="Nightly", unmatched="create")
    assert told(bench, run) == [(1, "created", "SHOP-1"), (1, "created", "SHOP-1")]
    (entry,) = bench.run(list_entries(bench.org_id, run.cycle_id or 0, limit=9))
    assert (entry.result, entry.executions) == ("passed", 2)


def test_results_do_not_go_into_a_finished_cycle(bench: Bench) -> None:
    place = (bench.org_id, bench.project_id)
    cycle_id = bench.run(cycles.create_cycle(*place, CyclePlan(name="Old"), author_id=None))
    waiting, _ = ask(bench, "junit", RESULTS, cycle_id=cycle_id)
    for state in ("running", "finished"):
        bench.run(cycles.set_cycle_state(*place, cycle_id, state, actor=OPERATOR))
    with pytest.raises(Conflict, match="finished"):
        ask(bench, "junit", RESULTS + b"\n", cycle_id=cycle_id)
    run = work(bench, waiting)
    assert (run.state, run.error) == ("failed", "This cycle is finished. Take it up again to change it.")


@pytest.mark.parametrize(("kind", "content"), [("csv", b"no title"), ("junit", b"<!DOCTYPE x><testsuite/>")])
def test_a_file_that_cannot_be_read_fails_with_a_reason_and_is_forgotten(
    bench: Bench, kind: ImportKind, content: bytes
) -> None:
    run = bring(bench, kind, content, cycle_name="Nightly")
    assert run.state == "failed"
    assert run.error
    rows = bench.rows("SELECT content FROM import_run WHERE org_id = %(org_id)s")
    assert rows == [{"content": None}]


def test_a_run_that_was_killed_goes_on_behind_what_is_done(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "AT_ONCE", 2)
    table = b"Title,Steps\n" + b"".join(b"Case %d,Do\n" % number for number in range(5))
    import_id, _ = ask(bench, "csv", table)
    steps = iter([True, False])
    original = running.advance

    def dies(*args: Any) -> Operation[bool]:
        if not next(steps):
            raise ConnectionResetError
        return original(*args)

    monkeypatch.setattr(running, "AGAIN", (ConnectionResetError,))
    monkeypatch.setattr(running, "advance", dies)
    with pytest.raises(ConnectionResetError):
        work(bench, import_id)
    monkeypatch.setattr(running, "advance", original)
    run = work(bench, import_id)
    assert (run.counts, run.done) == ({"created": 5}, 5)
    assert [key for _, _, key in told(bench, run)] == [f"SHOP-{number}" for number in range(1, 6)]


@pytest.mark.parametrize(("fault", "last"), [(ValueError, False), (ConnectionResetError, True)])
def test_a_run_that_cannot_go_on_forgets_the_file(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, fault: type[Exception], last: bool
) -> None:
    import_id, _ = ask(bench, "csv", b"Title\nPay\n")

    def broken(*_: Any) -> Operation[bool]:
        raise fault

    monkeypatch.setattr(running, "AGAIN", (ConnectionResetError,))
    monkeypatch.setattr(running, "advance", broken)
    with pytest.raises(fault):
        work(bench, import_id, last_try=last)
    run = bench.run(find_import(bench.org_id, import_id))
    assert (run.state, "our side" in run.error) == ("failed", True)


def test_an_import_is_on_record_once_it_is_done(bench: Bench) -> None:
    bring(bench, "csv", b"Title,Steps\nPay,Open\n")
    newest = bench.run(changes(bench.org_id, limit=1, before_seq=2**62))[0].record
    assert (newest.actor_name, change_sentence(newest)) == ("Owner", "imported file.csv: 1 created")


def test_few_imports_are_under_way_at_once(bench: Bench) -> None:
    for number in range(MOST_UNDER_WAY):
        ask(bench, "csv", b"Title\n%d\n" % number)
    with pytest.raises(Conflict, match="under way"):
        ask(bench, "csv", b"Title\nx\n")


def test_a_job_is_deferred_with_ids_only(bench: Bench) -> None:
    import_id, _ = ask(bench, "csv", b"Title\nSecret words\n")
    jobs = bench.rows("SELECT task_name, queue_name, args FROM procrastinate_jobs ORDER BY id DESC LIMIT 1")
    assert jobs[0]["args"] == {"org_id": bench.org_id, "import_id": import_id}


def test_results_need_a_cycle(bench: Bench) -> None:
    with pytest.raises(InvalidInput, match="go into a test cycle"):
        ask(bench, "junit", RESULTS)


def test_imports_of_another_organization_are_not_there(bench: Bench, neighbour: Bench) -> None:
    import_id, _ = ask(bench, "csv", b"Title\nx\n")
    with pytest.raises(NotFound):
        neighbour.run(find_import(neighbour.org_id, import_id))
    assert neighbour.run(list_imports(neighbour.org_id, bench.project_id, limit=9)) == []
    assert neighbour.run(report_lines(neighbour.org_id, import_id, limit=9)) == []
    with pytest.raises(NotFound):
        bench.run(
            request_import(
                bench.org_id, neighbour.project_id, kind="csv", file_name="x.csv", content=b"Title\nx\n",
                options=ImportOptions(), actor=ANN,
            )
        )  # fmt: skip


def test_tests_of_one_name_in_different_classes_are_different_cases(bench: Bench) -> None:
    bench.write("works")
    first = b'<testsuite><testcase classname="a.ATest" name="works"/></testsuite>'
    assert bring(bench, "junit", first, cycle_name="1", unmatched="create").counts == {"matched": 1}
    both = b"""<testsuite><testcase classname="a.b.ATest" name="runs"/><testcase classname="a.c.BTest" name="runs">
    <failure message="m"/></testcase></testsuite>"""
    assert bring(bench, "junit", both, cycle_name="1", unmatched="create").counts == {"created": 2}
    third = b'<testsuite><testcase classname="a.d.CTest" name="runs"/></testsuite>'
    run = bring(bench, "junit", third, cycle_name="1", unmatched="create")
    assert run.counts == {"created": 1}
    found = {entry.key: entry.result for entry in bench.run(list_entries(bench.org_id, run.cycle_id or 0, limit=9))}
    assert found == {"SHOP-1": "passed", "SHOP-2": "passed", "SHOP-3": "failed", "SHOP-4": "passed"}
    paths = [folder.path for folder in bench.run(list_folders(bench.org_id, bench.project_id))]
    assert paths == ["a", "a / b", "a / c", "a / d"]
