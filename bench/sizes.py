"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Every case runs `rounds` times for `seconds`, the cases taking turns, so that a busy minute hits all alike."""

    organizations: int
    rounds: int
    seconds: float
    memory_calls: tuple[int, ...]
    entries: int
    """Of the journal that is added up and walked."""
    pages: tuple[int, ...]
    """Interactions behind the pages: a short history and a long one; none: pages are left out."""


QUICK = Sizes(organizations=200, rounds=1, seconds=0.1, memory_calls=(0, 200), entries=2_000, pages=())
DEFAULT = Sizes(
    organizations=10_000,
    rounds=3,
    seconds=1.0,
    memory_calls=(0, 10_000, 100_000),
    entries=1_000_000,
    pages=(10_000, 10_000_000),
)
FULL = Sizes(
    organizations=10_000,
    rounds=5,
    seconds=3.0,
    memory_calls=(0, 10_000, 300_000),
    entries=3_000_000,
    pages=(10_000, 10_000_000),
)
