"""Databases that stand at an older schema, and processes that migrate them, to be killed."""

import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import psycopg

from testkase.config.bootstrap import make_database, prepare_roles
from testkase.core.ledger import writing
from testkase.core.ledger.book import Book
from testkase.core.ledger.operations import execute_one
from testkase.foundation.composites import Record
from testkase.foundation.database import SyncDatabase
from testkase.schema.ddl_migration import Step, ddl_text, run_step, steps_of
from tests.support.cluster import APP_PASSWORD, Cluster, TestDatabase
from tests.support.ledger import hold, settle

_APPEND_BEFORE = (
    "SELECT ledger.append(%(new_accounts)s, %(accounts)s, %(new_lots)s, %(lots)s, %(opened)s, %(closed)s,"
    " %(entries)s, %(usages)s, %(usage_days)s, %(limits)s)"
)
_KNOWN_BY = 56
"""Bytes of the two columns by which an account was known: a hash and an instant."""


@contextmanager
def code_of_before() -> Iterator[None]:
    """Books are written as code wrote them before 0035_one_append: into any schema since 0027_hot_path. No hold is
    extended."""
    account = writing._known_account

    def moved(book: Book) -> Record:
        return "moved_account", struct.pack(">i", 18) + account(book)[1][4:-_KNOWN_BY]

    with patch.object(writing, "APPEND", _APPEND_BEFORE), patch.object(writing, "_known_account", moved):
        yield


@contextmanager
def empty_database(cluster: Cluster, name: str) -> Iterator[TestDatabase]:
    """A database nobody has migrated yet."""
    owner_url = make_database(cluster.server.url(), name)
    app_url = prepare_roles(owner_url, app_password=APP_PASSWORD)
    made = TestDatabase(name=name, owner_url=owner_url, app_url=app_url)
    try:
        yield made
    finally:
        cluster.drop(made)


@contextmanager
def people_at_work(database: TestDatabase, work: Callable[[SyncDatabase, str], None]) -> Iterator[None]:
    """They do `work` over and over meanwhile, each time under another name, and nothing of it may fail."""
    books, done, faults = SyncDatabase(database.app_url), threading.Event(), []

    def working() -> None:
        number = 0
        try:
            while not done.is_set():
                work(books, f"meanwhile{number}-")
                number += 1
        except Exception as fault:  # noqa: BLE001 - shown by the assertion
            faults.append(fault)

    worker = threading.Thread(target=working)
    worker.start()
    try:
        yield
    finally:
        done.set()
        worker.join()
        books.close()
    assert faults == []


def environ_of_migration(database: TestDatabase) -> dict[str, str]:
    return {**os.environ, **database.environ(), "DATABASE_URL": database.owner_url}


def migrate_to(database: TestDatabase, schema: str) -> None:
    """Bring our schema to an older state, and what it needs of other apps."""
    subprocess.run(
        [sys.executable, "-m", "django", "migrate", "testkase_schema", schema, "--database", "owner", "-v", "0"],
        env=environ_of_migration(database),
        check=True,
    )
    _grant_history(database)


def add_closed_days(database: TestDatabase) -> None:
    """The sums of days that are over: today's `verify` reads them, whatever the rest of the schema."""
    with psycopg.connect(database.owner_url) as owner:
        owner.execute(ddl_text("0032_closed_days").encode())


def add_journal(database: TestDatabase) -> None:
    """How entries are read: today's `verify` asks for them so, whatever the rest of the schema."""
    steps = steps_of(ddl_text("0044_entries_by_month"))
    (reading,) = [step.sql for step in steps if step.name.startswith("how entries are read")]
    with psycopg.connect(database.owner_url) as owner:
        owner.execute(
            "CREATE VIEW ledger.operation WITH (security_invoker = true) AS"
            " SELECT org_id, operation_id, seq, at FROM ledger.entry"
        )
        owner.execute("GRANT SELECT ON ledger.operation TO testkase_app")
        owner.execute(reading.encode())


def run_steps(
    owner: psycopg.Connection[tuple[object, ...]], steps: Sequence[Step], first: int = 0, end: int | None = None
) -> None:
    """Those of a migration from `first` to before `end`, as `testkase migrate` runs them."""
    owner.execute("SET lock_timeout = '2s'")
    with owner.cursor() as cursor:
        for step in steps[first:end]:
            run_step(cursor, step)


def spend(books: SyncDatabase, org_id: int, name: str, times: int = 1) -> None:
    """Hold a credit and settle half of it, so many times, each under an id of its own that begins with `name`."""
    for number in range(times):
        books.run(execute_one(hold(org_id, f"{name}{number}")), org_id=org_id)
        books.run(execute_one(settle(org_id, f"{name}{number}", 0.5)), org_id=org_id)


def start_migration(database: TestDatabase, log: Path) -> subprocess.Popen[bytes]:
    """`testkase migrate`, under way."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "testkase", "migrate"],
            env=environ_of_migration(database),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )


def applied(database: TestDatabase) -> int:
    """How many migrations are marked as done."""
    with psycopg.connect(database.owner_url) as connection:
        row = connection.execute("SELECT to_regclass('django_migrations') IS NOT NULL").fetchone()
        if row == (False,):
            return 0
        row = connection.execute("SELECT count(*) FROM django_migrations").fetchone()
    assert row is not None
    return int(row[0])


def _grant_history(database: TestDatabase) -> None:
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("GRANT SELECT ON django_migrations TO testkase_app")
