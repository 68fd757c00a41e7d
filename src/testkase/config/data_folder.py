"""The folder of all state, and the two locks on it: one run at a time, and the children of one run at a time."""

import contextlib
import errno
import fcntl
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from testkase.config.failures import CannotStart

RESTORING = "restoring"
"""Stands in a folder into which a backup is being restored, until that is done."""


class DataFolder:
    """Held by the supervisor while it runs. The kernel lets go of both locks when their holders are gone, however."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ours = -1
        self.children_lock = -1
        """Inherited by the children, so that a later run can tell when the last of them has ended."""

    def __enter__(self) -> Self:
        self._make()
        self._ours = self._open("lock")
        if not _try_lock(self._ours):
            raise CannotStart(
                f"Another run is using {self.path}: stop it, or choose another folder with TESTKASE_DATA=…"
            )
        self.children_lock = self._open("children.lock")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for descriptor in (self.children_lock, self._ours):
            if descriptor >= 0:
                os.close(descriptor)

    def wait_for_earlier_children(self, *, patience_seconds: float = 45) -> None:
        """A killed supervisor's children need a moment to finish what they were answering."""
        deadline = time.monotonic() + patience_seconds
        while not _try_lock(self.children_lock):
            if time.monotonic() > deadline:
                raise CannotStart(f"Processes of an earlier run in {self.path} do not end: end them, then start again.")
            time.sleep(0.1)

    def refuse_half_restored(self) -> None:
        """Raises CannotStart where a restore was begun and not finished: whatever is there is not the backup."""
        refuse_half_restored(self.path)

    def log(self, name: str) -> Path:
        """The log of one process."""
        return self.path / "log" / f"{name}.log"

    def _make(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            (self.path / "log").mkdir(exist_ok=True, mode=0o700)
            probe = self.path / f".writable-{os.getpid()}"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise CannotStart(
                f"The data folder {self.path} cannot be written ({error.strerror}): choose another with TESTKASE_DATA=…"
            ) from error

    def _open(self, name: str) -> int:
        try:
            return os.open(self.path / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise CannotStart(f"{self.path / name} cannot be opened ({error.strerror}).") from error


def make_folder(path: Path) -> None:
    """For a process that is started by itself, on a machine where nothing has run yet. What cannot be made is told by
    whatever would be kept there."""
    with contextlib.suppress(OSError):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)


def refuse_half_restored(path: Path) -> None:
    """The same, for whoever does not hold the folder."""
    if (path / RESTORING).exists():
        raise CannotStart(f"A backup was not restored to the end in {path}: run `testkase restore` again.")


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise
    return True
