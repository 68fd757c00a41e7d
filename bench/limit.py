"""(a) PostgreSQL's own limit: pgbench running the same authorize, and the same pair, as plain SQL with row locks; and
five hundred holds a transaction and then their settlements, set by set, which is as fast as it goes at all."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import psycopg

from bench.measure import SCOPES, Sample, percentiles
from bench.server import PASSWORD, Server
from testkase.config.bootstrap import make_database
from testkase.config.postgres.cluster import OWNER

CLIENTS = (1, 8, 32)
_DATABASE = "limit"
_SQL = files("bench") / "sql"
_SCRIPTS = {
    "statements": "authorize, BEGIN … COMMIT",
    "authorize": "authorize, one function",
    "pair": "pair, two functions",
    "setwise": "pair, 500 at once",
}
PAIRS_AT_ONCE = 500
SETWISE_CLIENTS = 8


@dataclass(frozen=True)
class PgbenchCase:
    """One script at one number of clients."""

    server: Server
    script: str
    clients: int
    scope: str
    organizations: int
    section: str = "PostgreSQL"

    @property
    def name(self) -> str:
        what = f"{_SCRIPTS[self.script]}, {self.scope}" if self.script in _SCRIPTS else "SELECT 1"
        return f"{what}, {self.clients} clients"

    @property
    def each(self) -> int:
        """Operations in one transaction."""
        return PAIRS_AT_ONCE if self.script == "setwise" else 1

    @property
    def key(self) -> str:
        return f"limit.{self.script}.{self.clients}.{self.scope}"

    def run(self, seconds: float) -> Sample:
        """Counted from when every client is connected: on a busy machine connecting takes longer than the run."""
        with tempfile.TemporaryDirectory(prefix="pgbench-") as folder:
            others = self.server.processes()
            with subprocess.Popen(
                self._command(seconds),
                cwd=folder,
                env=_environment(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            ) as pgbench:
                while pgbench.poll() is None and self.server.processes() < others + self.clients:
                    time.sleep(0.005)
                before, began = self.server.cpu_seconds(), time.time()
                errors = pgbench.communicate()[1]
            if pgbench.returncode:
                raise RuntimeError(f"pgbench failed: {errors.decode(errors='replace')[-500:]}")
            spent = self.server.cpu_seconds() - before
            done = [each for log in Path(folder).iterdir() for each in _transactions(log) if each.ended >= began]
        count = len(done) * self.each
        if not count:
            return Sample(0, seconds)
        took = max(each.ended for each in done) - max(began, min(each.ended - each.took for each in done))
        return Sample(count, took, *percentiles([each.took * 1000 for each in done]), None, spent / count * 1e6)

    def _command(self, seconds: float) -> list[str]:
        # pgbench counts whole seconds, the time to connect among them. Below one: as many as take about as long.
        few = max(2, int(seconds * 200 / self.each))
        length = f"--time={round(seconds) + 1}" if seconds >= 1 else f"--transactions={few}"
        last = self.organizations if self.scope == "many" else 1
        return [
            str(self.server.programs / "pgbench"), "--no-vacuum", "--protocol=prepared", f"--client={self.clients}",
            f"--jobs={min(self.clients, 2)}", length, "--log", f"--file={_SQL / f'{self.script}.sql'}",
            "--define=first=1", f"--define=last={last}", f"--host={self.server.postgres.socket_folder}",
            f"--username={OWNER}", _DATABASE,
        ]  # fmt: skip


def prepare_limit(server: Server, organizations: int) -> None:
    """The tables and functions of the comparison, with every organization rich enough for the whole run. In a database
    of their own: the application refuses one with tables that are not under row-level security."""
    with psycopg.connect(make_database(server.postgres.url(), _DATABASE)) as connection:
        connection.execute((_SQL / "limit.sql").read_bytes())
        connection.execute(
            "INSERT INTO bench.account (org_id, available, held) SELECT n, 1000000000000000, 0"
            " FROM generate_series(1, %s::bigint) AS n",
            [organizations],
        )
    with psycopg.connect(server.postgres.url(database=_DATABASE), autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def limit_cases(server: Server, organizations: int) -> Iterator[PgbenchCase]:
    """SELECT 1, then every script over many organizations and on a hot one."""
    yield PgbenchCase(server, "nothing", 32, "many", organizations)
    for script in _SCRIPTS:
        for scope in SCOPES:
            for clients in (SETWISE_CLIENTS,) if script == "setwise" else CLIENTS:
                yield PgbenchCase(server, script, clients, scope, organizations)


class _Transaction(NamedTuple):
    """Seconds: how long it took, and when it ended, since 1970."""

    took: float
    ended: float


def _transactions(log: Path) -> Iterator[_Transaction]:
    """Lines of pgbench's log: client, number, microseconds, script, and the end in seconds and microseconds."""
    with log.open() as lines:
        for line in lines:
            _, _, took, _, seconds, micros = line.split()[:6]
            yield _Transaction(int(took) / 1e6, int(seconds) + int(micros) / 1e6)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "PGPASSWORD": PASSWORD, "LC_ALL": "C"}
