"""A backup taken under load is a whole, consistent installation: everything acknowledged before it is in it."""

import asyncio
import itertools
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from campaigns.crash.callers import Caller, Notes
from testkase.config.backups.owner import embedded, started
from testkase.config.backups.programs import load_dump
from testkase.config.bootstrap import make_database, prepare_roles
from testkase.config.databases import with_database, with_login
from testkase.config.failures import CannotStart
from testkase.config.roles import APP
from testkase.config.secrets_file import load_or_make
from testkase.core.ledger.commands import Grant
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.operations import execute_one
from testkase.foundation.database import SyncDatabase
from testkase.services.audit import OPERATOR
from testkase.services.metering.limits.setting import set_guard
from tests.support.cluster import APP_PASSWORD, Cluster, TestDatabase
from tests.support.installation import NO_MODEL, Installation, environ_of, installed, operate
from tests.support.processes import serving
from tests.support.programs import Organization
from tests.support.told import nothing_was_lost
from tests.support.wire import Wire

pytestmark = pytest.mark.slow

DEMO = 1
"""The demo organization's number."""
HOLD = {"use_case": "report", "user": "ada@example.com", "credits": "0.01", "ttl_seconds": 3000}


@dataclass(slots=True)
class Load:
    """Callers who hold and settle without a pause, and note what was acknowledged, and when."""

    url: str
    key: str
    acknowledged: list[tuple[float, str]] = field(default_factory=list)
    stopped: bool = False
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def caller(self) -> None:
        wire = await Wire.connect(self.url, self.key)
        while not self.stopped:
            hold = f"h{next(self.numbers)}"
            answer = await wire.post("/api/v1/holds", HOLD | {"id": hold})
            assert answer.status == 201, answer.body
            self.acknowledged.append((time.time(), f"hold:{hold}"))
            answer = await wire.post(f"/api/v1/holds/{hold}/settlement", {"credits": "0.01"})
            assert answer.status == 200, answer.body
            self.acknowledged.append((time.time(), f"resolution:{hold}"))
        wire.close()

    async def during(self, *words: str, data: Path) -> tuple[int, str]:
        """An operator's command in the middle of it."""
        callers = [asyncio.create_task(self.caller()) for _ in range(4)]
        await asyncio.sleep(0.5)
        answer = await asyncio.to_thread(operate, data, *words)
        await asyncio.sleep(0.2)
        self.stopped = True
        await asyncio.gather(*callers)
        return answer


@dataclass(frozen=True, slots=True)
class Saved:
    """An installation that was stopped under load, and a backup taken of it while it was under load."""

    load: Load
    data: Path
    backup: Path
    notes: Notes
    """Of callers whose calls were under way when it was told to stop."""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    folder = tmp_path_factory.mktemp("saved")
    with installed(folder / "var", **NO_MODEL) as running:
        key = str(json.loads((running.data / "demo.json").read_text())["api_key"])
        load, notes = Load(running.url, key), Notes()
        wait_for_heads(running)
        code, said = asyncio.run(load.during("backup", str(folder / "backup"), data=running.data))
        assert (code, "with everything that was acknowledged before" in said) == (0, True), said
        have_no_end_of_credits(running.data)
        asyncio.run(stop_under_load(running, key, notes))
    return Saved(load, folder / "var", folder / "backup", notes)


def have_no_end_of_credits(data: Path) -> None:
    """Callers who never pause are what the runaway guard stops, and a fast machine spends an allowance in a second."""
    secrets = load_or_make(data)
    url = with_login(embedded(data, secrets).url(), user=APP, password=secrets.app_password)
    books = SyncDatabase(with_database(url, "testkase"))
    books.run(set_guard(DEMO, OPERATOR, enabled=False), org_id=DEMO)
    books.run(execute_one(Grant(org_id=DEMO, grant_id="enough", amount=100_000 * MICRO)), org_id=DEMO)
    books.close()


def wait_for_heads(running: Installation) -> None:
    """The worker publishes where the chains end soon after it was started."""
    deadline = time.monotonic() + 60
    while not list((running.data / "heads").glob("*.jsonl")):
        assert time.monotonic() < deadline, "no heads were published"
        time.sleep(0.05)


async def stop_under_load(running: Installation, key: str, notes: Notes) -> None:
    """Callers repeat what was not answered until they are; in the end nobody is left who could."""
    stop = asyncio.Event()
    callers = [Caller([running.url], Organization(0, key), number, 7, notes) for number in (1, 2, 4, 5)]
    working = [asyncio.create_task(caller.work(stop)) for caller in callers]
    await asyncio.sleep(1.0)
    assert await asyncio.to_thread(running.stop) == 0
    await asyncio.sleep(0.2)
    for task in working:
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)


@contextmanager
def database_of(data: Path) -> Iterator[str]:
    """The database of an installation that does not run, as its owner."""
    server = embedded(data, load_or_make(data))
    with started(server):
        yield make_database(server.url(), "testkase")


def operations(owner_url: str) -> set[str]:
    """What the journal has."""
    with psycopg.connect(owner_url) as connection:
        return {row[0] for row in connection.execute("SELECT operation_id FROM ledger.entry").fetchall()}


def begun(backup: Path) -> float:
    """When a backup was begun."""
    return datetime.fromisoformat(json.loads((backup / "manifest.json").read_text())["begun_at"]).timestamp()


def began_anew(owner_url: str, saved: Saved) -> None:
    """Nobody is signed in, no number that was given out after the backup comes again, and receipts know of it."""
    with psycopg.connect(owner_url) as connection:
        assert connection.execute("SELECT count(*) FROM django_session").fetchone() == (0,)
        rows = connection.execute("SELECT extract(epoch FROM backup_begun_at) FROM restoration").fetchall()
        assert [float(at) for (at,) in rows] == [pytest.approx(begun(saved.backup))]
        made = connection.execute(
            "INSERT INTO organization (name, slug) VALUES ('Later', 'later') RETURNING id"
        ).fetchone()
        assert made is not None
        assert made[0] > 1_000_000
        connection.rollback()


def kill_a_restore(data: Path, backup: Path) -> None:
    """In the middle."""
    killed = subprocess.Popen(
        [sys.executable, "-m", "testkase", "restore", str(backup)], env=environ_of(data), stdout=subprocess.DEVNULL
    )
    while not (data / "postgres").exists():
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    killed.wait()


@pytest.mark.requirement("B15")
def test_an_installation_told_to_stop_answers_what_it_has_begun(saved: Saved) -> None:
    assert len(saved.notes.charged) > 5
    with database_of(saved.data) as owner_url:
        nothing_was_lost(saved.notes, owner_url)


def test_everything_acknowledged_before_a_backup_is_in_what_is_restored_kills_or_not(
    saved: Saved, tmp_path: Path
) -> None:
    data = tmp_path / "var"
    kill_a_restore(data, saved.backup)
    assert "was not restored to the end" in operate(data, "run", PORT="1")[1]
    code, said = operate(data, "restore", str(saved.backup))
    assert (code, "0 deviations" in said) == (0, True), said
    assert "has an installation already" in operate(data, "restore", str(saved.backup))[1]

    before = {operation for at, operation in saved.load.acknowledged if at < begun(saved.backup)}
    assert len(before) > 20
    with database_of(saved.data) as owner_url:
        original = operations(owner_url)
    with database_of(data) as owner_url:
        restored = operations(owner_url)
        began_anew(owner_url, saved)
        app_url = with_login(owner_url, user="testkase_app", password=load_or_make(data).app_password)
        with serving(TestDatabase("testkase", owner_url, app_url), data) as running:
            answer = httpx.get(f"{running.url}/api/v1/balance", headers={"Authorization": f"Bearer {saved.load.key}"})
    assert before <= restored < original  # the load went on while it was taken
    assert answer.status_code == 200


def test_an_installation_that_stands_still_is_saved_as_well(saved: Saved, tmp_path: Path) -> None:
    assert operate(saved.data, "backup", str(tmp_path / "still"))[0] == 0
    assert (tmp_path / "still/database.dump").stat().st_size > 100_000
    assert "There is no database" in operate(tmp_path / "var", "backup", str(tmp_path / "none"))[1]


def test_a_backup_that_was_changed_is_not_restored(saved: Saved, tmp_path: Path) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(saved.backup, changed)
    dump = changed / "database.dump"
    dump.write_bytes(dump.read_bytes()[:-1] + b"x")
    assert "was changed since the backup was made" in operate(tmp_path / "var", "restore", str(changed))[1]
    assert not (tmp_path / "var").exists()


def test_a_backup_of_a_newer_version_is_not_restored(saved: Saved, tmp_path: Path) -> None:
    newer = tmp_path / "newer"
    shutil.copytree(saved.backup, newer)
    manifest = json.loads((newer / "manifest.json").read_text())
    manifest["migrations"].append(["testkase_schema", "9999_later"])
    (newer / "manifest.json").write_text(json.dumps(manifest))
    assert "newer version of TestKase" in operate(tmp_path / "var", "restore", str(newer))[1]


def test_a_backup_holds_what_secrets_are_needed_and_lets_nobody_else_read_it(saved: Saved) -> None:
    data, backup = saved.data, saved.backup
    assert (backup / "data/secrets.json").read_bytes() == (data / "secrets.json").read_bytes()
    assert {path.stat().st_mode & 0o077 for path in (backup, *backup.rglob("*"))} == {0}
    assert "exists already" in operate(data, "backup", str(backup))[1]


def test_a_server_older_than_pg_restore_gets_what_it_understands_whole_or_not_at_all(
    saved: Saved, cluster: Cluster, tmp_path: Path
) -> None:
    owner_url = make_database(cluster.server.url(), "older")
    prepare_roles(owner_url, app_password=APP_PASSWORD)
    dump, cut = saved.backup / "database.dump", tmp_path / "cut.dump"
    cut.write_bytes(dump.read_bytes()[: dump.stat().st_size // 2])
    with pytest.raises(CannotStart, match="pg_restore failed"):
        load_dump(owner_url, cut, server_version=150_000)
    load_dump(owner_url, dump, server_version=150_000)  # nothing of the first is in its way
    assert len(operations(owner_url)) > 20
    with pytest.raises(CannotStart, match="already exists"):
        load_dump(owner_url, dump, server_version=150_000)


def test_a_server_of_ones_own_is_saved_and_restored_by_an_owner_who_is_no_superuser(
    cluster: Cluster, tmp_path: Path
) -> None:
    urls = [owned(cluster, name) for name in ("saved_one", "restored_one")]
    data = [tmp_path / "one", tmp_path / "other"]
    app = with_login(urls[0], user="testkase_app", password=APP_PASSWORD)
    environ = {"DATABASE_URL": urls[0], "TESTKASE_APP_DATABASE_URL": app}
    assert operate(data[0], "migrate", **environ) == (0, "")
    code, said = operate(data[0], "backup", str(tmp_path / "backup"), **environ, TESTKASE_SECRET_KEY="of my own")
    assert (code, "TESTKASE_SECRET_KEY is not in it" in said) == (0, True), said
    environ = {
        "DATABASE_URL": urls[1],
        "TESTKASE_APP_DATABASE_URL": with_login(urls[1], user="testkase_app", password=APP_PASSWORD),
    }
    assert "secret key is not in this backup" in operate(data[1], "restore", str(tmp_path / "backup"), **environ)[1]
    environ["TESTKASE_SECRET_KEY"] = "of my own"
    never_into_one_that_is_used(tmp_path / "wrong", tmp_path / "backup", {**environ, "DATABASE_URL": urls[0]})
    begin_and_fail(data[1], tmp_path / "backup", environ)
    another = {**environ, "DATABASE_URL": urls[0]}
    assert "this one into another database" in operate(data[1], "restore", str(tmp_path / "backup"), **another)[1]
    for command in ("serve", "worker"):
        assert "was not restored to the end" in operate(data[1], command, **environ)[1]
    code, said = operate(data[1], "restore", str(tmp_path / "backup"), **environ)
    assert code == 0, said


def never_into_one_that_is_used(data: Path, backup: Path, environ: dict[str, str]) -> None:
    """The database of a running installation, named by mistake, is refused as often as it is tried: the second time
    it was taken for the one that had been restored, and everybody in it was signed out."""
    for _ in range(2):
        code, said = operate(data, "restore", str(backup), **environ)
        assert (code, "has tables already" in said) == (1, True), said
    assert not (data / "restoring").exists()
    with psycopg.connect(environ["DATABASE_URL"]) as connection:
        assert connection.execute("SELECT count(*) FROM restoration").fetchone() == (0,)


def begin_and_fail(data: Path, backup: Path, environ: dict[str, str]) -> None:
    """A restore whose loading does not come to its end leaves nobody more rights than before."""
    with psycopg.connect(environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute("CREATE TYPE public.app_user AS ENUM ()")  # in the way of the dump, and no table
        code, said = operate(data, "restore", str(backup), **environ)
        assert (code, "pg_restore failed" in said) == (1, True), said
        assert connection.execute("SELECT count(*) FROM pg_default_acl").fetchone() == (0,)
        connection.execute("DROP TYPE public.app_user")


def owned(cluster: Cluster, name: str) -> str:
    """An empty database of an owner who may make roles and see all rows, and no more."""
    prepare_roles(make_database(cluster.server.url(), name), app_password=APP_PASSWORD)
    with psycopg.connect(cluster.server.url(), autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_roles WHERE rolname = 'somebody'").fetchone() is None:
            connection.execute("CREATE ROLE somebody LOGIN CREATEROLE BYPASSRLS PASSWORD 'else'")
        connection.execute("GRANT testkase_ledger TO somebody WITH ADMIN TRUE, SET TRUE, INHERIT TRUE")
        connection.execute(sql.SQL("ALTER DATABASE {} OWNER TO somebody").format(sql.Identifier(name)))
    return cluster.server.url(user="somebody", password="else", database=name)
