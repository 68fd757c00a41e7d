"""One PostgreSQL for a test session, a migrated template in it, and a fresh database for whoever asks."""

import itertools
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from testkase.config.bootstrap import make_database, prepare_roles
from testkase.config.databases import with_database
from testkase.config.postgres.cluster import EmbeddedPostgres
from tests.support.commands import run_command

APP_PASSWORD = "application"
TEMPLATE = "template_testkase"
_FAST = {
    # A test database need not survive the machine; what is tested about crashes is tested on a server of its own.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "autovacuum": "off",
    "wal_level": "logical",  # so that a test can read there what was changed
    "max_connections": "300",
    "scram_iterations": "1",  # thousands of connections are made, and nobody's secret is kept
}


@dataclass(frozen=True, slots=True)
class TestDatabase:
    """A migrated, empty database."""

    __test__ = False

    name: str
    owner_url: str
    app_url: str

    def environ(self) -> dict[str, str]:
        """What a process of the product needs to serve from this database."""
        return {"TESTKASE_APP_DATABASE_URL": self.app_url, "DJANGO_SETTINGS_MODULE": "testkase.config.settings"}


class Cluster:
    """The session's server. The template is made when the first database is asked for."""

    def __init__(self, folder: Path) -> None:
        self.server = EmbeddedPostgres(
            folder / "postgres", password="owner", log=folder / "postgres.log", settings=_FAST
        )
        self.server.start(timeout_seconds=60)
        self._owner = psycopg.connect(self.server.url(), autocommit=True)
        self._owner.execute(sql.SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(sql.Literal(self.server.password)))
        self._numbers = itertools.count(1)
        self._template_made = False

    def stop(self) -> None:
        self._owner.close()
        self.server.stop()

    def fresh(self) -> TestDatabase:
        """A copy of the template, in about a tenth of a second."""
        if not self._template_made:
            self.template(TEMPLATE)
            self._template_made = True
        return self._copy(TEMPLATE)

    def copy(self, database: TestDatabase) -> TestDatabase:
        """A copy of a database nobody is connected to."""
        return self._copy(database.name)

    def drop(self, database: TestDatabase) -> None:
        self._as_owner(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"), database.name)

    def _copy(self, template: str) -> TestDatabase:
        name = f"test_{next(self._numbers)}"
        self._as_owner(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"), name, template)
        return self._urls(name)

    def template(self, name: str, **environ: str) -> TestDatabase:
        """A migrated database to make copies of; `environ` may name another source, with migrations of its own."""
        owner_url = make_database(self.server.url(), name)
        app_url = prepare_roles(owner_url, app_password=APP_PASSWORD)
        whole = {**os.environ, **environ, "DATABASE_URL": owner_url, "TESTKASE_APP_DATABASE_URL": app_url}
        done = _migrated_by_another(whole) if environ else run_command("migrate", environ=whole)
        if done.returncode != 0:
            raise RuntimeError(f"The template database could not be migrated:\n{done.stderr}")
        return self._urls(name)

    def _urls(self, name: str) -> TestDatabase:
        return TestDatabase(
            name=name,
            owner_url=with_database(self.server.url(), name),
            app_url=self.server.url(user="testkase_app", password=APP_PASSWORD, database=name),
        )

    def _as_owner(self, statement: sql.SQL, *names: str) -> None:
        self._owner.execute(statement.format(*(sql.Identifier(name) for name in names)))


def _migrated_by_another(environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """By a process that loads what its environment names."""
    return subprocess.run(
        [sys.executable, "-m", "testkase", "migrate"], env=environ, capture_output=True, text=True, check=False
    )
