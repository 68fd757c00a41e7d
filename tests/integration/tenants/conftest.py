"""The two organizations, for all tests of a file."""

from collections.abc import Iterator

import pytest

from tests.support.buying import paying_through
from tests.support.cluster import TestDatabase
from tests.support.django import django_on, model_on_offer
from tests.support.tenants.book import all_places
from tests.support.tenants.snapshot import Snapshots
from tests.support.tenants.till import PROVIDER
from tests.support.tenants.world import World, made_world


@pytest.fixture(scope="module")
def world(module_database: TestDatabase) -> Iterator[World]:
    with django_on(module_database), model_on_offer(), paying_through(PROVIDER):
        yield made_world({name: place.make for name, place in all_places().items()})


@pytest.fixture(scope="module")
def snapshots(module_database: TestDatabase) -> Iterator[Snapshots]:
    looking = Snapshots(module_database)
    yield looking
    looking.close()
