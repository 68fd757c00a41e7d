"""Fixtures every test may ask for. What is asked for by no test is never started."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from testkase.core.ledger.engine import Engine
from tests.support.cluster import Cluster, TestDatabase
from tests.support.django import django_on
from tests.support.processes import Running, serving

if TYPE_CHECKING:
    from tests.support.programs import Organizations

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 1024**3


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Asynchronous tests run on asyncio, as the product does."""
    return "asyncio"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The session's PostgreSQL, in memory where there is room: it makes and drops hundreds of databases."""
    with ExitStack() as stack:
        folder = tmp_path_factory.mktemp("cluster")
        if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=_MEMORY, prefix="testkase-tests-")))
        running = Cluster(folder)
        stack.callback(running.stop)
        yield running


@pytest.fixture
def database(cluster: Cluster) -> Iterator[TestDatabase]:
    """A migrated, empty database for one test."""
    made = cluster.fresh()
    yield made
    cluster.drop(made)


@pytest.fixture(scope="module")
def module_database(cluster: Cluster) -> Iterator[TestDatabase]:
    """A migrated database for all tests of a file, which must not disturb each other: separate organizations."""
    made = cluster.fresh()
    yield made
    cluster.drop(made)


@pytest.fixture
def app_url(database: TestDatabase) -> str:
    """The test's database as the application role."""
    return database.app_url


@pytest.fixture
def owner_url(database: TestDatabase) -> str:
    """The test's database as its owner."""
    return database.owner_url


@pytest.fixture
async def engine(app_url: str) -> AsyncIterator[Engine]:
    """A ledger engine on the test's database."""
    running = Engine(app_url)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def organizations(database: TestDatabase) -> Iterator["Organizations"]:
    """Makes organizations with keys in the test's database, as programs meet them."""
    from tests.support.programs import Organizations

    made = Organizations(database)
    yield made
    made.close()


@pytest.fixture
def django_database(database: TestDatabase) -> Iterator[TestDatabase]:
    """Django, set up in this process, with the test's database as its default connection (as the application role)."""
    with django_on(database):
        yield database


@pytest.fixture
def served(database: TestDatabase, tmp_path: Path) -> Iterator[Running]:
    """The application on a free port, on the test's database: `served.url`."""
    with serving(database, tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def module_served(module_database: TestDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The same for all tests of a file, on `module_database`."""
    with serving(module_database, tmp_path_factory.mktemp("served")) as running:
        yield running
