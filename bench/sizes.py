"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Every case runs `rounds` times for `seconds`, the cases taking turns, so that a busy minute hits all alike."""

    organizations: int
    rounds: int
    seconds: float
    memory_calls: tuple[int, ...]


QUICK = Sizes(organizations=200, rounds=1, seconds=0.1, memory_calls=(0, 200))
DEFAULT = Sizes(organizations=10_000, rounds=3, seconds=1.0, memory_calls=(0, 2_000, 10_000))
FULL = Sizes(organizations=10_000, rounds=5, seconds=3.0, memory_calls=(0, 10_000, 100_000))
