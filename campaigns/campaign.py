"""What a campaign is: a name, what its size counts, the sizes it is run at, and the function that runs it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from campaigns.outcome import Outcome

Tick = Callable[[int], None]
"""Told every now and then how much of the size is done, in all. Cheap, and may be called from any thread."""


def unheard(done: int) -> None:
    """A tick nobody listens to."""


class Run(Protocol):
    """Does `size` of what the campaign counts. The same seed and size do the same again."""

    def __call__(self, size: int, seed: int, tick: Tick) -> Outcome: ...


class RunOn(Protocol):
    """The same, going on after the first `after` of what the campaign counts."""

    def __call__(self, size: int, seed: int, tick: Tick, *, after: int) -> Outcome: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """One line of the registry."""

    name: str
    about: str
    """What is tried and what must hold, in a few words."""

    counts: str
    """What `size` is a number of."""

    full: int
    """The size at which the campaign's figure is claimed."""

    small: int
    """The size of a run without one: a minute or so."""

    run: Run
    go_on: RunOn | None = None
    """For campaigns whose full size takes hours, instead of `run`: it can begin in the middle."""
