"""Fixtures every test may ask for. What is asked for by no test is never started."""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from testkase.core.ledger.conversation import Conversation
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
def quick_folder() -> Iterator[Path]:
    """A folder for what is written much, in memory where there is room."""
    there = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM_BYTES
    with tempfile.TemporaryDirectory(dir=_MEMORY if there else None, prefix="testkase-tests-") as folder:
        Path(folder).chmod(0o711)  # whoever PostgreSQL runs as finds in it what is named to them
        yield Path(folder)


@pytest.fixture(scope="session")
def cluster(quick_folder: Path) -> Iterator[Cluster]:
    """The PostgreSQL of the whole test run: it makes and drops hundreds of databases."""
    running = Cluster(quick_folder)
    yield running
    running.stop()


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
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who connects to the ledger from now on waits a second for what somebody else has locked, not five."""
    usual = Conversation.open.__kwdefaults__
    assert usual is not None
    monkeypatch.setitem(usual, "patience_ms", 1_000)


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
