"""A small installation to be destroyed: its own PostgreSQL, the application on a fixed port, a scripted model."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.server import bench_server
from testkase.config.ports import free_port
from testkase.config.postgres import EmbeddedPostgres
from tests.support.cluster import TestDatabase
from tests.support.processes import Running, start, wait_until_ready
from tests.support.upstream import Reply, Upstream, scripted_upstream


class World:
    """What runs, and the ways to kill it."""

    def __init__(self, postgres: EmbeddedPostgres, database: TestDatabase, upstream: Upstream, folder: Path) -> None:
        self.database = database
        self.upstream = upstream
        self._postgres = postgres
        self._folder = folder
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self.app = self._start_app()

    def kill_app(self) -> None:
        """kill -9, and a new process on the same port."""
        self.app.process.kill()
        self.app.process.wait()
        self.app = self._start_app()

    def kill_database(self) -> None:
        """kill -9 of the server and of every process of it at once; then recovery."""
        server = self._postgres.process
        assert server is not None
        for pid in [server.pid, *_children(server.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.wait()
        self._postgres.start(timeout_seconds=60)

    def stop_app(self) -> None:
        self.app.stop()

    def _start_app(self) -> Running:
        environ = {
            **self.database.environ(),
            "PORT": str(self._port),
            "TESTKASE_MODEL_PORT": str(self.upstream.port),
            "TESTKASE_MODEL_API_KEY": "campaign",
            "LOG_LEVEL": "ERROR",
        }
        running = start("serve", environ=environ, folder=self._folder)
        wait_until_ready(running, self._port, "/readyz")
        return running


@contextmanager
def world() -> Iterator[World]:
    """Up, with a model that takes its time to answer; gone without a trace afterwards."""
    slow = Reply(chunks=("Once", " upon", " a", " time", " there", " was", " a", " test"), delay_chunk=0.05)
    with (
        bench_server() as server,
        scripted_upstream(slow) as upstream,
        tempfile.TemporaryDirectory(prefix="testkase-campaign-") as folder,
    ):
        upstream.record = False
        made = World(server.postgres, server.database, upstream, Path(folder))
        try:
            yield made
        finally:
            made.stop_app()


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found
