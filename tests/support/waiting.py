"""Waiting for what other processes or threads bring about."""

import time
from collections.abc import Callable


def eventually(fact: Callable[[], bool], seconds: float = 60) -> bool:
    """Whether something became true in time."""
    deadline = time.monotonic() + seconds
    while not fact():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
