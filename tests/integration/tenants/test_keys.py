"""Every route of programs × every key × an id of one's own organization, of another, of none (I13)."""

from collections.abc import Iterator
from dataclasses import replace

import httpx
import pytest
from litestar import Litestar

from testkase.entrypoints.api.app import application
from testkase.entrypoints.api.context import Context
from tests.support.cluster import TestDatabase
from tests.support.programs import api_settings, served
from tests.support.tenants.book import HOW_KEY, all_key_rows, all_places, how_to
from tests.support.tenants.programs import Keys, KeyTrial, key_routes, names_in_path
from tests.support.tenants.snapshot import Snapshots, changed
from tests.support.tenants.till import PROVIDER
from tests.support.tenants.world import OTHER, World
from tests.support.upstream import scripted_upstream

ROWS, PLACES = all_key_rows(), all_places()


@pytest.fixture(scope="module")
def app(module_database: TestDatabase) -> Iterator[Litestar]:
    with scripted_upstream() as upstream:
        context = Context.from_settings(api_settings(module_database, model_port=upstream.port))
        yield application(replace(context, provider=PROVIDER))


def test_every_route_has_a_row_and_every_row_a_route(app: Litestar) -> None:
    routes = key_routes(app)
    missing = [route for route in routes if route not in ROWS]
    assert not missing, how_to(HOW_KEY, missing)
    assert ROWS.keys() <= set(routes), "rows of routes that are gone"
    assert {name for route in routes for name in names_in_path(route)} <= PLACES.keys(), "names without a Place"


@pytest.mark.requirement("I13", "R72", "R73", "B14")
def test_each_key_does_what_its_scopes_say_in_its_own_organization(
    app: Litestar, world: World, snapshots: Snapshots
) -> None:
    keys, faults, cases, heard = Keys.of(world.own), [], 0, []
    before = snapshots.of(world.other.org_id)
    hooks = {"response": [lambda answer: heard.append((answer.request.url.path, answer.read()))]}
    with served(app) as url, httpx.Client(base_url=url, timeout=20, event_hooks=hooks) as http:
        for route in (route for route in key_routes(app) if route in ROWS):
            trial = KeyTrial(world, keys, http, route, ROWS[route], PLACES)
            faults += trial.all_faults()
            cases += trial.cases
    faults += [
        f"{table} of the other organization changed" for table in changed(before, snapshots.of(world.other.org_id))
    ]
    faults += [f"{path}: shows something of {OTHER}" for path, body in heard if OTHER.encode() in body]
    assert not faults, f"{len(faults)} of {cases} cases:\n" + "\n".join(faults)
    assert cases > 250
