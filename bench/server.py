"""The run's own PostgreSQL: an embedded cluster in a temporary folder, as durable as in production."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench.cpu import tree_seconds
from testkase.config.bootstrap import make_database, prepare_roles
from testkase.config.postgres.account import binaries
from testkase.config.postgres.cluster import EmbeddedPostgres
from tests.support.cluster import TestDatabase

PASSWORD = "bench"
"""Of a cluster that lives for minutes behind a private socket."""
_DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


@dataclass(frozen=True)
class Server:
    """A running, migrated PostgreSQL."""

    postgres: EmbeddedPostgres
    database: TestDatabase
    folder: Path
    """For logs of other processes of the run."""

    @property
    def owner_url(self) -> str:
        return self.database.owner_url

    @property
    def app_url(self) -> str:
        return self.database.app_url

    @property
    def programs(self) -> Path:
        """Where `pgbench` is."""
        return binaries(self.postgres.account)

    def cpu_seconds(self) -> float:
        """CPU time of the server and every connection of it, so far."""
        assert self.postgres.process is not None
        return tree_seconds(self.postgres.process.pid)

    def processes(self) -> int:
        """How many processes the server has, one for every connection among them."""
        assert self.postgres.process is not None
        pid = self.postgres.process.pid
        return len(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())

    def vacuum(self) -> None:
        """Statistics and visibility as they are in a database that has lived for a while."""
        with psycopg.connect(self.owner_url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")


@contextmanager
def bench_server(**settings: str) -> Iterator[Server]:
    """Started, migrated, and gone with its folder afterwards. `settings`: of the server, beside those of a bench."""
    with tempfile.TemporaryDirectory(prefix="testkase-bench-") as folder:
        postgres = EmbeddedPostgres(
            Path(folder) / "postgres",
            password=PASSWORD,
            log=Path(folder) / "postgres.log",
            settings={**_DURABLE, **settings},
        )
        postgres.start(timeout_seconds=60)
        try:
            owner_url = make_database(postgres.url(), "bench")
            app_url = prepare_roles(owner_url, app_password=PASSWORD)
            _migrate(owner_url, app_url)
            yield Server(postgres, TestDatabase("bench", owner_url, app_url), Path(folder))
        finally:
            postgres.stop()


def _migrate(owner_url: str, app_url: str) -> None:
    environ = {**os.environ, "DATABASE_URL": owner_url, "TESTKASE_APP_DATABASE_URL": app_url}
    subprocess.run([sys.executable, "-m", "testkase", "migrate"], env=environ, check=True, stdout=subprocess.DEVNULL)
