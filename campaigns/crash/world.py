"""A small installation to be destroyed: its own PostgreSQL, two processes of the application, a worker, a scripted
model."""

import http.client
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bench.server import bench_server
from testkase.config.postgres.cluster import EmbeddedPostgres
from testkase.config.supervising.ports import free_port
from tests.support.cluster import TestDatabase
from tests.support.processes import Running, start
from tests.support.upstream import Reply, Upstream, scripted_upstream

APPS = 2
WORKER_BEGINS_SECONDS = 4.0
READY_SECONDS = 120


class World:
    """What runs, and the ways to kill it."""

    def __init__(self, postgres: EmbeddedPostgres, database: TestDatabase, upstream: Upstream, folder: Path) -> None:
        self.database = database
        self.upstream = upstream
        self._postgres = postgres
        self._folder = folder
        self._ports = [free_port() for _ in range(APPS)]
        self.urls = [f"http://127.0.0.1:{port}" for port in self._ports]
        self._apps = [self._start_app(port) for port in self._ports]
        self._worker = self._start_worker()
        self._worker_since = time.monotonic()
        self.wait_for_apps()

    def kill_app(self, number: int) -> None:
        """kill -9, and a new process on the same port. The others serve meanwhile."""
        self._apps[number].process.kill()
        self._apps[number].process.wait()
        self._apps[number] = self._start_app(self._ports[number])

    def kill_worker(self) -> None:
        """kill -9, and another one."""
        self._worker.process.kill()
        self._worker.process.wait()
        self._worker, self._worker_since = self._start_worker(), time.monotonic()

    def revive(self) -> None:
        """Start again what ended by itself because PostgreSQL was not there when it began, as a supervisor does."""
        for number, running in enumerate(self._apps):
            if running.process.poll() is not None:
                self._apps[number] = self._start_app(self._ports[number])
        if self._worker.process.poll() is not None:
            self._worker, self._worker_since = self._start_worker(), time.monotonic()

    def apps_that_serve(self) -> list[int]:
        """Those that were killed a moment ago are no victims yet."""
        self.revive()
        return [number for number, port in enumerate(self._ports) if _serves(port)]

    @property
    def worker_works(self) -> bool:
        """It has had time to begin, and has not ended by itself."""
        began = time.monotonic() - self._worker_since > WORKER_BEGINS_SECONDS
        return began and self._worker.process.poll() is None

    def wait_for_apps(self) -> None:
        """Until all of them serve. Raises AssertionError with what one of them said instead."""
        deadline = time.monotonic() + READY_SECONDS
        while len(self.apps_that_serve()) < APPS:
            if time.monotonic() > deadline:
                raise AssertionError("\n".join(running.output() for running in self._apps))
            time.sleep(0.2)

    def kill_database(self) -> None:
        """kill -9 of the server and of every process of it at once; then recovery."""
        server = self._postgres.process
        assert server is not None
        for pid in [server.pid, *_children(server.pid)]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.wait()
        self._postgres.start(timeout_seconds=60)

    def stop(self) -> None:
        for running in (*self._apps, self._worker):
            running.stop()

    def _start_app(self, port: int) -> Running:
        return start("serve", environ={**self._environ(), "PORT": str(port)}, folder=self._folder)

    def _start_worker(self) -> Running:
        return start("worker", environ=self._environ(), folder=self._folder)

    def _environ(self) -> dict[str, str]:
        return {
            **self.database.environ(), "TESTKASE_MODEL_PORT": str(self.upstream.port),
            "TESTKASE_MODEL_API_KEY": "campaign", "LOG_LEVEL": "ERROR",
        }  # fmt: skip


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
            made.stop()


def _serves(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found
