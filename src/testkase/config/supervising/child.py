"""One process of the product, as the supervisor sees it: started, asked whether it lives, started again, stopped."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from testkase.config.log_file import open_log
from testkase.config.supervising.children import dies_with_parent

_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 15.0
_STEADY_SECONDS = 60.0
"""A child that lived for so long is started again at once; one that keeps failing waits longer each time."""


class Child:
    """`python -m <module> <command>` with its output in a log."""

    def __init__(
        self, *command: str, module: str = "testkase", environ: Mapping[str, str], log: Path, keep_open: int
    ) -> None:
        self.module = module
        self.command = command
        self.environ = dict(environ)
        self.log = log
        self.keep_open = keep_open
        self.process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._pause = _FIRST_PAUSE_SECONDS
        self._again_at = 0.0

    def start(self) -> None:
        with open_log(self.log) as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module, *self.command],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self.keep_open,),
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops the others in order
                preexec_fn=dies_with_parent(),  # noqa: PLW1509 - the supervisor has no threads
            )
        self._started_at = time.monotonic()

    @property
    def ended(self) -> str | None:
        """How it ended, in words; None while it runs."""
        if self.process is None or (code := self.process.poll()) is None:
            return None
        return f"by signal {signal.Signals(-code).name}" if code < 0 else f"with code {code}"

    def start_again_when_due(self) -> str | None:
        """Start an ended child again, after a pause that grows while it keeps failing.

        Answers how it ended, once, when that is noticed.
        """
        ended, now = self.ended, time.monotonic()
        if ended is None:
            return None
        if self._again_at == 0.0:
            self._pause = (
                _FIRST_PAUSE_SECONDS
                if now - self._started_at > _STEADY_SECONDS
                else min(_LONGEST_PAUSE_SECONDS, self._pause * 2)
            )
            self._again_at = now + self._pause
            self._end_group()
            return ended
        if now >= self._again_at:
            self._again_at = 0.0
            self.start()
        return None

    def ask_to_stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self, seconds: float) -> None:
        """Wait for it to end; end it and whatever it left behind when it takes too long."""
        if self.process is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.0, seconds))
        self._end_group()
        self.process.wait(10)

    def _end_group(self) -> None:
        """Its own children are in its process group, and none may outlive it."""
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
