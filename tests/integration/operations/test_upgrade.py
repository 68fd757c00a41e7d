"""A database with data is brought from an older schema to this one, whatever happens to the process that does it."""

import threading
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import MagicMock

import psycopg
import pytest

from campaigns.oracle import deviations
from campaigns.upgrade.upgrade import EARLY, upgrade, work
from testkase.config.supervising.ports import free_port
from tests.support.cluster import Cluster, TestDatabase
from tests.support.processes import start
from tests.support.upgrades import code_of_before, empty_database, environ_of_migration, migrate_to, start_migration

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def earliest(cluster: Cluster) -> Iterator[TestDatabase]:
    """A database at an earlier schema, in which somebody has worked."""
    with empty_database(cluster, "early_for_tests") as database:
        migrate_to(database, EARLY)
        with code_of_before():
            work(database)
        yield database


@pytest.fixture
def early(cluster: Cluster, earliest: TestDatabase) -> Iterator[TestDatabase]:
    """The same for one test."""
    copied = cluster.copy(earliest)
    yield copied
    cluster.drop(copied)


def test_a_migration_killed_at_any_point_is_finished_by_the_next_one(cluster: Cluster, tmp_path: Path) -> None:
    """A slice; `make campaign CAMPAIGN=upgrade` runs it at full size."""
    outcome = upgrade(cluster, tmp_path, kills=2, most_each=1, seed=20_261_128)
    assert outcome.faults == [], outcome.line
    assert "Traceback" not in (tmp_path / "migrate.log").read_text()


def test_nobody_starts_or_reads_the_books_on_an_older_schema(early: TestDatabase, tmp_path: Path) -> None:
    for command in ("serve", "worker", "verify"):
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
    for command in ("serve", "worker", "migrate", "verify"):
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


def test_every_try_of_a_migration_gives_way_soon(
    django_database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index that is built beside the traffic waits without a limit; where that fails, the next try must not."""
    from django.db import connection
    from django.db.utils import OperationalError

    from testkase.config.upgrading import runner

    limits = []

    class Failing:
        loader = MagicMock()

        def __init__(self, _connection: object) -> None: ...

        def migrate(self, _targets: object) -> object:
            with connection.cursor() as cursor:
                cursor.execute("SELECT current_setting('lock_timeout'), current_setting('statement_timeout')")
                limits.extend(cursor.fetchall())
                cursor.execute("SET lock_timeout = 0")
            if len(limits) < 3:
                raise OperationalError("") from psycopg.errors.DeadlockDetected()
            return MagicMock()

    for name in ("emit_pre_migrate_signal", "emit_post_migrate_signal"):
        monkeypatch.setattr(runner, name, lambda **_: None)
    monkeypatch.setattr(runner, "WholeMigrations", Failing)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = '30s'")  # as somebody may have given the owner for all sessions
    runner.run_migrations("default", sleep=lambda _: None)
    assert limits == [("2s", "0")] * 3
