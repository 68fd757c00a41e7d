"""Every page of the route table in a browser: light and dark, laptop and phone, usable by everybody, light to load."""

from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.support.cluster import Cluster, TestDatabase
from tests.support.django import django_on, model_on_offer
from tests.support.processes import serving
from tests.support.stage import Stage, chromium
from tests.support.tenants.book import all_places, all_rows
from tests.support.tenants.tour import Stop, Walk, lengthen_names, stops
from tests.support.tenants.world import made_world


@pytest.fixture(scope="module")
def module_database(cluster: Cluster) -> Iterator[TestDatabase]:
    """Without the demo organization."""
    made = cluster.fresh()
    yield made
    cluster.drop(made)


@pytest.fixture(scope="module")
def walk(
    module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Walk, Stage, list[Stop]]]:
    """The two organizations of the matrix behind a server, and browsers with the sessions of their people."""
    with django_on(module_database), model_on_offer():
        world = made_world({name: place.make for name, place in all_places().items()})
        lengthen_names(module_database.owner_url)
        todo = stops(world, all_rows())
        session_cookie, environ = settings.SESSION_COOKIE_NAME, {"TESTKASE_SECRET_KEY": settings.SECRET_KEY}
    folder = tmp_path_factory.mktemp("walk")
    environ["TESTKASE_MODEL_PORT"] = "9"
    with serving(module_database, folder, environ) as app, chromium() as browser:
        stage = Stage(url=app.url, demo={}, browser=browser, folder=folder)
        yield Walk(stage, world.cookies, session_cookie), stage, todo
        stage.leave()


@pytest.mark.slow
def test_every_page_can_be_used_by_everybody_and_loads_little(walk: tuple[Walk, Stage, list[Stop]]) -> None:
    """axe finds nothing serious; 300 kB at most, nothing from elsewhere, no complaint on the console. Colours come from
    one stylesheet: those of dark are computed on every third page."""
    walker, stage, todo = walk
    assert len(todo) > 25
    faults = [
        f"{stop}: {fault}"
        for number, stop in enumerate(todo)
        for fault in walker.faults(stop, contrast_in_dark=number % 3 == 0)
    ]
    faults += stage.complaints
    assert not faults, f"{len(faults)} on {len(todo)} pages:\n" + "\n".join(faults)
