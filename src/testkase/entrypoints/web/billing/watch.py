"""How long an open page waits before it asks again how a purchase stands: soon at first, then less and less often."""

from dataclasses import dataclass

from testkase.entrypoints.web.billing.standing import Standing

_PAUSES = (3, 4, 6, 8, 12, 16, 24, 32, 45, 60, 60, 60, 60)
"""Seconds; some six minutes together. Whoever waits longer is told when it is decided, and may ask with a button."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What the page has seen, and when it asks next. `pause=None`: not by itself any more."""

    seen: str
    step: int
    pause: int | None
    open: bool

    @classmethod
    def first(cls, standing: Standing) -> "Watch":
        """Of a page that was just opened."""
        return cls._at(standing, 0)

    @classmethod
    def next(cls, standing: Standing, *, step: int) -> "Watch":
        """Of one that has asked so often since something happened."""
        return cls._at(standing, step + 1)

    @classmethod
    def _at(cls, standing: Standing, step: int) -> "Watch":
        asks = standing.watched and step < len(_PAUSES)
        return cls(seen=standing.seen, step=step, pause=_PAUSES[step] if asks else None, open=standing.watched)
