"""The simulated time: real time plus an offset that only an administrator moves, and it may stand still."""

import time
from collections.abc import Callable

HOUR = 3600
DAY = 24 * HOUR


class Clock:
    """Unix seconds. It never goes back."""

    def __init__(self, real: Callable[[], float] = time.time) -> None:
        self._real = real
        self.offset = 0.0
        self.frozen_at: float | None = None

    def exact(self) -> float:
        """The instant with its fraction, by which work becomes due."""
        return self._real() + self.offset if self.frozen_at is None else self.frozen_at

    def now(self) -> int:
        """The instant as entities carry it."""
        return int(self.exact())

    def move_to(self, instant: float) -> None:
        """Go forward to an instant; one that has passed changes nothing."""
        ahead = max(0.0, instant - self.exact())
        if self.frozen_at is not None:
            self.frozen_at += ahead
        else:
            self.offset += ahead

    def freeze(self) -> None:
        """Stand still until thawed."""
        self.frozen_at = self.exact()

    def thaw(self) -> None:
        """Run again from where the clock stood."""
        if self.frozen_at is not None:
            self.offset, self.frozen_at = self.frozen_at - self._real(), None
