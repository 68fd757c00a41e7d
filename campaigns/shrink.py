"""Makes a story that fails as short as it can be: what is left out one by one and still fails, is left out."""

from collections.abc import Callable, Sequence
from typing import TypeVar

Step = TypeVar("Step")

TRIES = 2_000


def shrink(steps: Sequence[Step], fails: Callable[[Sequence[Step]], bool], *, tries: int = TRIES) -> list[Step]:
    """The shortest part found of a story that fails, which fails too. Halves first, then smaller and smaller pieces."""
    left, size = list(steps), max(len(steps) // 2, 1)
    while True:
        before, start = len(left), 0
        while start < len(left):
            if tries <= 0:
                return left
            tries -= 1
            shorter = left[:start] + left[start + size :]
            if shorter and fails(shorter):
                left = shorter
            else:
                start += size
        if size == 1 and len(left) == before:
            return left
        size = max(size // 2, 1)
