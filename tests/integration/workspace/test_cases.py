"""Test cases: numbered once, edited with their history, and never by two people over each other."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.workspace.cases import (
    MOST_AT_ONCE,
    create_case,
    edit_case,
    find_case,
    move_cases,
    set_status,
)
from testkase.services.workspace.content import MOST_STEPS
from testkase.services.workspace.folders import create_folder
from testkase.services.workspace.history import case_changes
from testkase.services.workspace.model import Change, Step, TestCase
from tests.integration.workspace.conftest import Bench, content


def case(bench: Bench, key: str) -> TestCase:
    found: TestCase = bench.run(find_case(bench.org_id, bench.project_id, key))
    return found


def history(bench: Bench, key: str) -> list[Change]:
    found: list[Change] = bench.run(case_changes(bench.org_id, case(bench, key).case_id, limit=50))
    return found


def test_people_who_write_at_once_get_different_numbers(bench: Bench) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda number: bench.write(f"Case {number}"), range(24)))
    assert sorted(keys, key=lambda key: int(key[5:])) == [f"SHOP-{number}" for number in range(1, 25)]


def test_a_case_keeps_everything_it_says(bench: Bench) -> None:
    whole = content(
        "Pay", description="Why", preconditions="A cart", type="smoke", status="draft", kind="security",
        priority="critical", tags=("Payment", "card"), automation_id="shop.PayTest.pay",
        steps=(Step(action="One"), Step(action="Two", expected="Three")),
    )  # fmt: skip
    key = bench.run(create_case(bench.org_id, bench.project_id, whole, author_id=bench.ann))
    assert case(bench, key).content == whole


@pytest.mark.requirement("R63")
def test_an_edit_says_which_fields_changed_from_what_to_what(bench: Bench) -> None:
    key = bench.write("Pay", priority="low")
    changed = content("Pay by card", priority="low", tags=("card",))
    args = (bench.org_id, bench.project_id, key, changed)
    assert bench.run(edit_case(*args, folder_id=None, editor_id=bench.bob, version=1))
    assert not bench.run(edit_case(*args, folder_id=None, editor_id=bench.bob))
    newest, first = history(bench, key)
    assert newest.fields == {"title": ("Pay", "Pay by card"), "tags": ([], ["card"])}
    assert (newest.action, newest.changed_by, first.action, first.changed_by) == (
        "edited",
        "Member",
        "created",
        "Owner",
    )
    assert case(bench, key).editor == "Member"


def test_the_second_of_two_editors_is_told(bench: Bench) -> None:
    key = bench.write()
    edits = [
        edit_case(bench.org_id, bench.project_id, key, content(title), folder_id=None, editor_id=bench.bob, version=1)
        for title in ("First", "Second")
    ]
    bench.run(edits[0])
    with pytest.raises(Conflict, match="Member has changed"):
        bench.run(edits[1])
    assert case(bench, key).content.title == "First"


@pytest.mark.parametrize(
    "wrong",
    [
        {"title": " "},
        {"title": "x" * 301},
        {"steps": ()},
        {"steps": (Step(action=" ", expected="Seen"),)},
        {"steps": (Step(action="Do"),) * (MOST_STEPS + 1)},
        {"steps": (Step(action="x" * 4_001),)},
        {"tags": tuple(f"t{number}" for number in range(21))},
        {"tags": ("x" * 41,)},
        {"description": "x" * 10_001},
        {"automation_id": "x" * 501},
    ],
)
def test_content_that_cannot_be_is_refused(bench: Bench, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        bench.write(**{"title": "Pay", **wrong})
    assert bench.rows("SELECT 1 FROM test_case WHERE org_id = %(org_id)s") == []


def test_texts_are_tidied(bench: Bench) -> None:
    key = bench.write(" Pay \x00 now ", tags=("A", " a", "", "B"), preconditions="One\r\nTwo\r")
    tidy = case(bench, key).content
    assert (tidy.title, tidy.tags, tidy.preconditions) == ("Pay now", ("A", "B"), "One\nTwo")


def test_an_automated_test_belongs_to_one_case(bench: Bench) -> None:
    bench.write("One", automation_id="a.b")
    with pytest.raises(Conflict, match="SHOP-1 already has"):
        bench.write("Two", automation_id="a.b")
    other = bench.write("Two")
    with pytest.raises(Conflict):
        bench.run(
            edit_case(
                bench.org_id, bench.project_id, other, content("Two", automation_id="a.b"), folder_id=None, editor_id=1
            )
        )


def test_many_are_moved_and_given_a_status_at_once(bench: Bench) -> None:
    keys = [bench.write(f"Case {number}") for number in range(3)]
    folder = bench.run(create_folder(bench.org_id, bench.project_id, "Later"))
    place = (bench.org_id, bench.project_id)
    assert bench.run(move_cases(*place, keys, folder, editor_id=bench.bob)) == 3
    assert bench.run(move_cases(*place, keys, folder, editor_id=bench.bob)) == 0
    assert bench.run(set_status(*place, [*keys[:2], "SHOP-99"], "deprecated", editor_id=bench.bob)) == 2
    assert [case(bench, key).content.status for key in keys] == ["deprecated", "deprecated", "ready"]
    assert [change.fields for change in history(bench, keys[0])] == [
        {"status": ("ready", "deprecated")},
        {"folder": ("", "Later")},
        {},
    ]
    with pytest.raises(InvalidInput):
        bench.run(set_status(*place, ["SHOP-1"] * (MOST_AT_ONCE + 1), "draft", editor_id=None))


def test_cases_of_another_organization_are_not_there(bench: Bench, neighbour: Bench) -> None:
    key = neighbour.write("Theirs")
    theirs = (neighbour.org_id, neighbour.project_id)
    with pytest.raises(NotFound):
        bench.run(find_case(*theirs, key))
    with pytest.raises(NotFound):
        bench.run(edit_case(*theirs, key, content("Mine"), folder_id=None, editor_id=None))
    assert bench.run(set_status(*theirs, [key], "draft", editor_id=None)) == 0
    assert case(neighbour, key).content.title == "Theirs"
