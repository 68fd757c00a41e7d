"""Processes of the product, forked from one that has loaded it: loading it is half of what a start costs and most of
what an operator's command does, and a run of all tests starts two hundred. The command, its environment and its output
are those of a process of its own."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from testkase.config.supervising.children import die_with_parent

_LOADED = [
    "testkase.config.commands", "testkase.config.serving.server", "testkase.config.static_files",
    "testkase.config.upgrading.runner", "testkase.config.supervising.supervisor", "testkase.config.backups.backup",
    "testkase.config.backups.restore", "testkase.entrypoints.cli.books", "testkase.entrypoints.cli.payments",
    "testkase.entrypoints.cli.people", "testkase.entrypoints.cli.replay", "testkase.entrypoints.worker.process",
    "testkase.entrypoints.worker.jobs", "testkase.entrypoints.worker.privacy", "testkase.entrypoints.worker.reports",
    "PIL.Image", "anyio._backends._asyncio", "attrs", "django.contrib.messages.context_processors",
    "django.contrib.postgres.apps", "django.db.backends.postgresql.base", "fido2.server", "jwt", "litestar._kwargs",
    "litestar.exceptions.responses", "litestar.middleware._internal.exceptions", "litestar.plugins.pydantic",
    "procrastinate", "procrastinate.builtin_tasks", "reportlab.graphics.shapes", "reportlab.platypus",
    "typer._adapters", "whitenoise.middleware",
]  # fmt: skip
"""Nothing that reads Django's settings: they are of the environment each process is given."""
# readline, which pytest loads, sets these behind the back of os.environ, and lines are broken by them.
for _size in ("COLUMNS", "LINES"):
    os.unsetenv(_size)
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(_LOADED)


class Fork:
    """What tests ask of a `subprocess.Popen`. The output goes to one file, or the errors to another."""

    def __init__(
        self, command: str | Sequence[str], environ: Mapping[str, str], log: Path, errors: Path | None = None
    ) -> None:
        words = [command] if isinstance(command, str) else list(command)
        files = str(log), str(errors or log)
        self._process = _context.Process(target=_live, args=(words, dict(environ), *files), daemon=True)
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


def _live(words: list[str], environ: dict[str, str], log: str, errors: str) -> None:
    die_with_parent(signal.SIGKILL)
    writing = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    for number, (name, flags) in enumerate([(os.devnull, os.O_RDONLY), (log, writing), (errors, writing)]):
        opened = os.open(name, flags, 0o600)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environ, DJANGO_SETTINGS_MODULE="testkase.config.settings")
    sys.argv = ["testkase", *words]
    from testkase.config.commands import main

    main()
