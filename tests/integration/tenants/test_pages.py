"""Every route of pages × every role × an id of one's own organization, of another, of none (I13)."""

import pytest

from tests.support.tenants.book import HOW_PAGE, all_places, all_rows, how_to, row_for
from tests.support.tenants.pages import Trial, names_in, page_routes
from tests.support.tenants.row import Row
from tests.support.tenants.snapshot import Snapshots, changed
from tests.support.tenants.world import World

ROWS, PLACES = all_rows(), all_places()


def test_every_route_has_a_row(world: World) -> None:
    missing = [route for route in page_routes() if row_for(route, ROWS) is None]
    assert not missing, how_to(HOW_PAGE, missing)


def test_every_row_has_a_route_and_every_name_a_place(world: World) -> None:
    routes = page_routes()
    assert [row for row in ROWS if not row.endswith("*") and row not in routes] == [], "rows of routes that are gone"
    assert {name for route in routes for name in names_in(route)} <= PLACES.keys(), "names without a Place"


def test_the_two_organizations_have_different_ids(world: World) -> None:
    same = [name for name, place in PLACES.items() if place.absent and world.own.ids[name] == world.other.ids[name]]
    assert same == []


@pytest.mark.requirement("I13", "R39", "R40", "R72", "R73", "P15")
def test_each_role_gets_what_its_row_says_and_nothing_of_another_organization(
    world: World, snapshots: Snapshots
) -> None:
    """One test over all routes, so that what is wrong is listed whole; refusals and reading have changed no row."""
    faults, cases = [], 0
    for route in page_routes():
        row = row_for(route, ROWS)
        if row is not None:
            trial, before = Trial(world, route, row, PLACES), snapshots.everything()
            found = trial.all_faults()
            faults += found + [f"{route}: {table} changed" for table in changed(before, snapshots.everything())]
            cases += trial.cases
    assert not faults, f"{len(faults)} of {cases} cases:\n" + "\n".join(faults)
    assert cases > 1_000


def test_a_route_without_a_row_is_told_how_to_get_one() -> None:
    assert row_for("settings/unheard-of", {"staff/*": Row()}) is None
    assert "tests/support/tenants/rows" in how_to(HOW_PAGE, ["settings/unheard-of"])
