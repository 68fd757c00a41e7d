"""Processes of the product, forked from one that has loaded it: loading it is half of what a start costs, and a run of
all tests starts a hundred. The command, its environment and its output are those of a process of its own."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from testkase.config.supervising.children import die_with_parent

_LOADED = [
    "testkase.config.commands", "testkase.config.serving.server", "testkase.entrypoints.worker.process",
    "litestar.plugins.pydantic", "jwt", "procrastinate",
]  # fmt: skip
"""Nothing that reads Django's settings: they are of the environment each process is given."""
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(_LOADED)


class Fork:
    """What tests ask of a `subprocess.Popen`."""

    def __init__(self, command: str, environ: Mapping[str, str], log: Path) -> None:
        self._process = _context.Process(target=_live, args=(command, dict(environ), str(log)), daemon=True)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self._process.exitcode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _live(command: str, environ: dict[str, str], log: str) -> None:
    die_with_parent(signal.SIGKILL)
    for name, flags, numbers in (
        (os.devnull, os.O_RDONLY, (0,)),
        (log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, (1, 2)),
    ):
        opened = os.open(name, flags, 0o600)
        for number in numbers:
            os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environ, DJANGO_SETTINGS_MODULE="testkase.config.settings")
    sys.argv = ["testkase", command]
    from testkase.config.commands import main

    main()
