"""A database with data is brought from an older schema to this one, whatever happens to the process that does it."""

import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from campaigns.oracle import deviations
from testkase.config.ports import free_port
from testkase.core.ledger.operations import execute_one
from testkase.foundation.database import SyncDatabase
from tests.support.cluster import Cluster, TestDatabase
from tests.support.ledger import fresh_org, hold, open_account, settle
from tests.support.processes import start
from tests.support.upgrades import applied, empty_database, environ_of_migration, migrate_to, start_migration

pytestmark = pytest.mark.slow

EARLY = "0015"
"""The newest of our schema's states whose ledger this code can still write to."""
SEED = 20261128
KILLS = 4


@pytest.fixture(scope="module")
def earliest(cluster: Cluster) -> Iterator[TestDatabase]:
    """A database at an earlier schema, in which somebody has worked."""
    with empty_database(cluster, "earliest") as database:
        migrate_to(database, EARLY)
        work(database)
        yield database


@pytest.fixture
def early(cluster: Cluster, earliest: TestDatabase) -> Iterator[TestDatabase]:
    """The same for one test."""
    copied = cluster.copy(earliest)
    yield copied
    cluster.drop(copied)


def work(database: TestDatabase) -> None:
    """Holds and settlements of three organizations."""
    writer = SyncDatabase(database.app_url)
    for org_id in (fresh_org() for _ in range(3)):
        writer.run(execute_one(open_account(org_id)), org_id=org_id)
        for number in range(20):
            writer.run(execute_one(hold(org_id, f"h{number}")), org_id=org_id)
            if number % 4:
                writer.run(execute_one(settle(org_id, f"h{number}", 0.5)), org_id=org_id)
    writer.close()


def kill_somewhere(database: TestDatabase, log: Path, dice: random.Random) -> bool:
    """Start a migration and kill it: at any moment, or right behind one of its commits. Whether it was done before."""
    process, before = start_migration(database, log), applied(database)
    wanted = before + dice.randrange(1, 8)
    deadline = time.monotonic() + dice.uniform(1.5, 4.5)
    by_commit = dice.random() < 0.7
    while process.poll() is None and (applied(database) < wanted if by_commit else time.monotonic() < deadline):
        time.sleep(0.001)
    process.kill()
    return process.wait() == 0


def entries_of(database: TestDatabase) -> dict[int, int]:
    with psycopg.connect(database.owner_url) as connection:
        return dict(connection.execute("SELECT org_id, count(*) FROM ledger.entry GROUP BY org_id").fetchall())


def test_a_migration_killed_at_any_point_is_finished_by_the_next_one(early: TestDatabase, tmp_path: Path) -> None:
    entries, dice, log = entries_of(early), random.Random(SEED), tmp_path / "migrate.log"
    for _ in range(KILLS):
        if kill_somewhere(early, log, dice):
            break
    assert start_migration(early, log).wait(120) == 0, log.read_text()
    assert entries_of(early) == entries
    assert len(entries) == 3
    assert deviations(early.owner_url) == []
    assert start_migration(early, log).wait(60) == 0  # and there is nothing left to do
    assert "Traceback" not in log.read_text()


def test_nobody_starts_on_an_older_schema(early: TestDatabase, tmp_path: Path) -> None:
    for command in ("serve", "worker"):
        running = start(command, environ={**early.environ(), "PORT": str(free_port())}, folder=tmp_path)
        assert running.process.wait(30) == 1
        assert "The database is older than this version of TestKase" in running.output()
        assert "Traceback" not in running.output()


def test_nobody_starts_or_migrates_on_a_newer_schema(database: TestDatabase, tmp_path: Path) -> None:
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(
            "INSERT INTO django_migrations (app, name, applied) VALUES ('testkase_schema', '9999_later', now())"
        )
    environ = {**environ_of_migration(database), "PORT": str(free_port())}
    for command in ("serve", "worker", "migrate"):
        running = start(command, environ=environ, folder=tmp_path)
        assert running.process.wait(30) == 1
        assert "migrated by a newer version of TestKase (testkase_schema 9999_later)" in running.output()


def test_a_migration_gives_way_to_whoever_holds_its_table(early: TestDatabase, tmp_path: Path) -> None:
    log = tmp_path / "migrate.log"
    with psycopg.connect(early.owner_url) as reader:
        reader.execute("LOCK TABLE organization, app_user, ledger.account, project IN ACCESS SHARE MODE")
        reader.execute("LOCK TABLE test_case, ledger.usage, generation IN ACCESS SHARE MODE")
        migrating = start_migration(early, log)
        told = threading.Event()
        while "gave way" not in log.read_text() and not told.wait(0.05):
            assert migrating.poll() is None, log.read_text()
        waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
        assert reader.execute(waiting).fetchone() is not None
    assert migrating.wait(120) == 0, log.read_text()
    assert deviations(early.owner_url) == []
