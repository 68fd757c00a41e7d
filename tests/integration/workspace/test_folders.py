"""Folders are a tree: unique among siblings, without cycles, and nothing is lost when one goes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from testkase.foundation.problems import Conflict, InvalidInput, NotFound, Problem
from testkase.services.workspace.cases import find_case, move_cases
from testkase.services.workspace.folders import (
    DEEPEST,
    change_folder,
    create_folder,
    delete_folder,
    folder_at,
    list_folders,
    with_those_inside,
)
from testkase.services.workspace.history import case_changes
from tests.integration.workspace.conftest import Bench


def make(bench: Bench, name: str, parent_id: int | None = None) -> int:
    return int(bench.run(create_folder(bench.org_id, bench.project_id, name, parent_id=parent_id)))


def move(bench: Bench, folder_id: int, name: str, parent_id: int | None) -> None:
    bench.run(change_folder(bench.org_id, bench.project_id, folder_id, name=name, parent_id=parent_id))


def paths(bench: Bench) -> list[str]:
    return [folder.path for folder in bench.run(list_folders(bench.org_id, bench.project_id))]


def test_the_tree_lists_each_folder_before_what_is_in_it(bench: Bench) -> None:
    vouchers = make(bench, "Vouchers")
    checkout = make(bench, "Checkout")
    make(bench, "Payment", checkout)
    assert paths(bench) == ["Checkout", "Checkout / Payment", "Vouchers"]
    folders = bench.run(list_folders(bench.org_id, bench.project_id))
    assert len(with_those_inside(folders, checkout)) == 2
    assert with_those_inside(folders, vouchers) == [vouchers]
    assert with_those_inside(folders, 0) == []


@pytest.mark.parametrize("same", ["Vouchers", "  VOUCHERS ", "vouchers"])
def test_siblings_differ_in_more_than_case(bench: Bench, same: str) -> None:
    make(bench, "Vouchers")
    with pytest.raises(Conflict, match="already a folder"):
        make(bench, same)
    assert make(bench, same, make(bench, "Checkout"))


def test_case_does_not_matter_in_other_alphabets_either(bench: Bench) -> None:
    make(bench, "Größe")
    with pytest.raises(Conflict):
        make(bench, "GRÖSSE")


@pytest.mark.parametrize("name", ["", "  ", "a/b", "x" * 121, "\x00"])
def test_a_name_that_cannot_be_is_refused(bench: Bench, name: str) -> None:
    with pytest.raises(InvalidInput):
        make(bench, name)


def test_a_folder_is_never_moved_into_itself(bench: Bench) -> None:
    top = make(bench, "Top")
    low = make(bench, "Low", make(bench, "Middle", top))
    for target in (top, low):
        with pytest.raises(InvalidInput, match="into itself"):
            move(bench, top, "Top", target)
    move(bench, low, "Low", None)
    assert paths(bench) == ["Low", "Top", "Top / Middle"]


def test_two_moves_at_once_make_no_cycle(bench: Bench) -> None:
    for _ in range(5):
        one, other = make(bench, "One"), make(bench, "Other")

        def try_move(pair: tuple[int, str, int]) -> bool:
            try:
                move(bench, *pair)
            except Problem:
                return False
            return True

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(try_move, [(one, "One", other), (other, "Other", one)]))
        assert sorted(done) == [False, True]
        assert len(paths(bench)) == 2
        for folder in bench.run(list_folders(bench.org_id, bench.project_id))[:1]:
            bench.run(delete_folder(bench.org_id, bench.project_id, folder.folder_id, editor_id=None))


def test_folders_are_not_endlessly_deep(bench: Bench) -> None:
    parent: Any = None
    for number in range(DEEPEST):
        parent = make(bench, f"Level {number}", parent)
    with pytest.raises(InvalidInput, match="deep"):
        make(bench, "Too deep", parent)
    tall = make(bench, "Tall")
    make(bench, "Inside", tall)
    with pytest.raises(InvalidInput, match="deep"):
        move(bench, tall, "Tall", bench.run(list_folders(bench.org_id, bench.project_id))[DEEPEST - 2].folder_id)


def test_cases_of_a_deleted_folder_move_up_and_remember_it(bench: Bench) -> None:
    top = make(bench, "Top")
    middle = make(bench, "Middle", top)
    key = bench.write(folder_id=make(bench, "Low", middle))
    moved = bench.run(delete_folder(bench.org_id, bench.project_id, middle, editor_id=bench.bob))
    assert moved == 1
    assert paths(bench) == ["Top"]
    case = bench.run(find_case(bench.org_id, bench.project_id, key))
    assert case.folder_id == top
    change = bench.run(case_changes(bench.org_id, case.case_id, limit=1))[0]
    assert change.fields == {"folder": ("Top / Middle / Low", "Top")}


def test_a_path_is_made_where_it_is_missing(bench: Bench) -> None:
    first = bench.run(folder_at(bench.org_id, bench.project_id, "Checkout / Payment"))
    assert bench.run(folder_at(bench.org_id, bench.project_id, "checkout/PAYMENT")) == first
    assert bench.run(folder_at(bench.org_id, bench.project_id, " ")) is None
    assert paths(bench) == ["Checkout", "Checkout / Payment"]


def test_folders_of_another_organization_are_not_there(bench: Bench, neighbour: Bench) -> None:
    theirs = make(neighbour, "Theirs")
    for attempt in (
        create_folder(bench.org_id, bench.project_id, "In theirs", parent_id=theirs),
        change_folder(bench.org_id, bench.project_id, theirs, name="Mine", parent_id=None),
        delete_folder(bench.org_id, bench.project_id, theirs, editor_id=None),
        move_cases(bench.org_id, bench.project_id, [bench.write()], theirs, editor_id=None),
        create_folder(neighbour.org_id, neighbour.project_id, "Mine"),
    ):
        with pytest.raises(NotFound):
            bench.run(attempt)
    assert paths(neighbour) == ["Theirs"]
