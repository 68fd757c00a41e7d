"""A whole installation of `make run` in a folder, without what tests of it do not need."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from testkase.config.supervising.children import dies_with_parent
from testkase.config.supervising.ports import free_port
from tests.support.commands import run_command

NO_MODEL = {"TESTKASE_MODEL_PATH": "/nonexistent.gguf"}
"""For tests that ask no model: it takes the longest of all to start."""


@dataclass(slots=True)
class Installation:
    """A running supervisor."""

    data: Path
    port: int
    process: psutil.Popen
    output: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return int(self.process.wait(60))


def environ_of(data: Path, **environ: str) -> dict[str, str]:
    """As little as a fresh machine gives."""
    return {"PATH": os.environ["PATH"], "HOME": str(data.parent), "TESTKASE_DATA": str(data), **environ}


@contextmanager
def installed(data: Path, **environ: str) -> Iterator[Installation]:
    """`testkase run` on a free port, ready."""
    port, output = free_port(), data.parent / f"run-{time.monotonic_ns()}.txt"
    with output.open("wb") as file:
        process = psutil.Popen(
            [sys.executable, "-m", "testkase", "run"],
            env=environ_of(data, PORT=str(port), **environ),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            preexec_fn=dies_with_parent(signal.SIGTERM),
        )
    running = Installation(data, port, process, output)
    try:
        deadline = time.monotonic() + 120
        while "\nready\n" not in running.said():
            assert process.poll() is None, running.said()
            assert time.monotonic() < deadline, running.said()
            time.sleep(0.05)
        yield running
    finally:
        if process.is_running():
            running.stop()


def operate(data: Path, *words: str, **environ: str) -> tuple[int, str]:
    """An operator's command beside it: exit code and everything it said."""
    done = run_command(*words, environ=environ_of(data, COLUMNS="200", **environ))
    return done.returncode, done.stdout + done.stderr
