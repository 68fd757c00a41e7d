"""The embedded PostgreSQL comes up again whatever happened to it, and writes down nothing a client sent."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from testkase.config.failures import CannotStart
from testkase.config.postgres.cluster import EmbeddedPostgres

pytestmark = pytest.mark.requirement("B15")


def server(folder: Path, *, password: str = "p%40ss word/:") -> EmbeddedPostgres:
    return EmbeddedPostgres(folder / "postgres", password=password, log=folder / "postgres.log")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    """One cluster for this file: making one takes longer than all that is done to it."""
    cluster = server(tmp_path_factory.mktemp("postgres"))
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture
def postgres(made: EmbeddedPostgres) -> EmbeddedPostgres:
    """The cluster, running, whatever the test before has done to it."""
    if made.process is None or made.ended:
        made.start()
    with psycopg.connect(made.url(), autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS remembered, kept")
    return made


def postmaster(postgres: EmbeddedPostgres) -> int:
    assert postgres.process is not None
    return postgres.process.pid


def remember(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url()) as connection:
        connection.execute("CREATE TABLE remembered AS SELECT 42 AS answer")


def remembered(postgres: EmbeddedPostgres) -> int:
    with psycopg.connect(postgres.url()) as connection:
        row = connection.execute("SELECT answer FROM remembered").fetchone()
    assert row is not None
    return int(row[0])


def test_it_starts_where_it_stopped(postgres: EmbeddedPostgres) -> None:
    remember(postgres)
    postgres.stop()
    postgres.start()
    assert remembered(postgres) == 42


def test_it_recovers_from_kill_9(postgres: EmbeddedPostgres) -> None:
    remember(postgres)
    with psycopg.connect(postgres.url()):
        os.kill(postmaster(postgres), signal.SIGKILL)
        assert postgres.process is not None
        postgres.process.wait()
        assert postgres.ended
        postgres.start()
        assert remembered(postgres) == 42


def test_locks_that_name_somebody_elses_process_do_not_block_it(postgres: EmbeddedPostgres) -> None:
    remember(postgres)
    lock = postgres.folder / "postmaster.pid"
    content = lock.read_text().replace(str(postmaster(postgres)), "1", 1)
    postgres.stop()
    lock.write_text(content)
    postgres.socket_folder.mkdir(mode=0o700, exist_ok=True)
    (postgres.socket_folder / ".s.PGSQL.5432.lock").write_text(content)
    postgres.start()
    assert remembered(postgres) == 42


def test_a_server_that_outlived_its_run_gives_way(postgres: EmbeddedPostgres) -> None:
    remember(postgres)
    orphan = postgres.process
    next_run = server(postgres.folder.parent)
    next_run.start()
    try:
        assert remembered(next_run) == 42
        assert orphan is not None
        assert orphan.wait(60) == 0
    finally:
        next_run.stop()


def test_a_start_that_was_killed_while_making_the_cluster_begins_anew(tmp_path: Path) -> None:
    half_made = tmp_path / "postgres.making"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18")
    fresh = server(tmp_path)
    fresh.start()
    fresh.stop()
    assert not half_made.exists()


def test_data_of_another_major_version_is_not_touched(postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    version = postgres.folder / "PG_VERSION"
    ours = version.read_text()
    version.write_text("14\n")
    try:
        with pytest.raises(CannotStart, match="made by PostgreSQL 14"):
            postgres.start()
    finally:
        version.write_text(ours)


def test_a_program_killed_while_it_says_its_version_is_a_reason_to_try_again(
    postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A database killed while it is being started must not end the supervisor with a traceback."""
    postgres.stop()
    killed = tmp_path / "postgres"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr("testkase.config.postgres.cluster.binaries", lambda _account: tmp_path)
    with pytest.raises(CannotStart, match="could not be run"):
        postgres.start()


def test_a_lost_password_is_named(postgres: EmbeddedPostgres) -> None:
    postgres.stop()
    with pytest.raises(CannotStart, match=r"secrets\.json"):
        server(postgres.folder.parent, password="another").start()


def test_nobody_gets_in_without_the_password(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(postgres.url(password="guess"))
    assert postgres.socket_folder.stat().st_mode & 0o077 == 0


def test_what_clients_send_is_not_logged(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (content text CHECK (length(content) < 5) UNIQUE)")
        for statement in (
            "INSERT INTO kept VALUES ('CANARY7f3a91')",
            "SELECT 'CANARY7f3a91'::integer; SELECT broken",
            "INSERT INTO missing VALUES ('CANARY7f3a91')",
        ):
            with pytest.raises(psycopg.Error):
                connection.execute(statement)
        with pytest.raises(psycopg.Error):
            connection.execute("INSERT INTO kept VALUES (%s)", ["CANARY7f3a91"])
    time.sleep(0.05)
    log = postgres.log.read_text()
    assert "ready to accept connections" in log
    assert "CANARY7f3a91" not in log
