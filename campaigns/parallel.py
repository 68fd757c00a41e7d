"""Numbered pieces of work on every core, their results in order."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Found = TypeVar("Found")


def in_order(work: Callable[[int], Found], numbers: Iterable[int], *, processes: int | None = None) -> Iterator[Found]:
    """What `work` finds of each number. Being told to stop is the caller's: what came by then is whole."""
    count = processes or os.cpu_count() or 1
    if count == 1:
        yield from map(work, numbers)
        return
    with multiprocessing.get_context("fork").Pool(count, initializer=_leave_interrupts) as pool:
        yield from pool.imap(work, numbers)


def _leave_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # how the pool ends them
