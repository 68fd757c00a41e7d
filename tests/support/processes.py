"""The product's own processes, started by tests on free ports of loopback."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from testkase.config.supervising.children import dies_with_parent
from testkase.config.supervising.ports import free_port
from tests.support.cluster import TestDatabase

SECRET_KEY = "a secret key of the tests, the same for every process of one run"


class Process(Protocol):
    """A process that was started: what is used of `subprocess.Popen`."""

    @property
    def pid(self) -> int: ...
    @property
    def returncode(self) -> int | None: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, number: int, /) -> None: ...
    def kill(self) -> None: ...


@dataclass(slots=True)
class Running:
    """A process of the product, and where its output goes."""

    command: str
    process: Process
    log: Path
    url: str = ""

    def stop(self, number: signal.Signals = signal.SIGTERM, *, timeout_seconds: float = 30) -> int:
        """Send the signal and wait; the exit code. What does not end in time is killed, and the test fails."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.command} did not stop:\n{self.output()}") from None

    def output(self) -> str:
        return self.log.read_text(errors="replace")


def fresh(command: str, environ: Mapping[str, str], log: Path) -> Process:
    """`python -m testkase <command>`."""
    with log.open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "testkase", command],
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            preexec_fn=dies_with_parent(signal.SIGKILL),  # noqa: PLW1509 - it only makes system calls
        )


starter: Callable[[str, Mapping[str, str], Path], Process] = fresh
"""How processes come to be: tests set another way, which spares them the loading (forks.py)."""


def start(command: str, *, environ: Mapping[str, str], folder: Path) -> Running:
    """A process of the product with no more of our environment than it needs."""
    log = folder / f"{command}-{time.monotonic_ns()}.log"
    inherited = {
        name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV", "PYTHONPATH") if name in os.environ
    }
    whole = {**inherited, "TESTKASE_DATA": str(folder), "TESTKASE_SECRET_KEY": SECRET_KEY, **environ}
    return Running(command=command, process=starter(command, whole, log), log=log)


@contextmanager
def serving(database: TestDatabase, folder: Path, environ: Mapping[str, str] | None = None) -> Iterator[Running]:
    """The application on a free port, ready. `environ` may name providers, a model port and the like."""
    port = free_port()
    running = start("serve", environ={**database.environ(), "PORT": str(port), **(environ or {})}, folder=folder)
    running.url = f"http://127.0.0.1:{port}"
    try:
        wait_until_ready(running, port, "/readyz")
        yield running
    finally:
        running.stop()


@contextmanager
def working(database: TestDatabase, folder: Path, environ: Mapping[str, str] | None = None) -> Iterator[Running]:
    """The worker on the same database."""
    running = start("worker", environ={**database.environ(), **(environ or {})}, folder=folder)
    try:
        yield running
    finally:
        running.stop()


@contextmanager
def embedded_model(folder: Path) -> Iterator[Mapping[str, str]]:
    """The embedded model; what it yields goes into the environment of the processes that use it."""
    port = free_port()
    environ = {"TESTKASE_MODEL_PORT": str(port), "TESTKASE_MODEL_API_KEY": "a key of the tests"}
    running = start("model-server", environ=environ, folder=folder)
    try:
        wait_until_ready(running, port, "/health")
        yield environ
    finally:
        running.stop()


def wait_until_ready(running: Running, port: int, path: str, *, timeout_seconds: float = 120) -> None:
    """Raises AssertionError with the process's output when it ends or does not answer in time."""
    deadline = time.monotonic() + timeout_seconds
    while time.monotonic() < deadline and running.process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == 200:
                return
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()
        time.sleep(0.05)
    raise AssertionError(f"{running.command} was not ready:\n{running.output()}")
