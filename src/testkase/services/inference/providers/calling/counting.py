"""Figures of a provider's usage, read with suspicion."""

from typing import Any, TypeGuard

from testkase.core.ledger.terms import Tokens

MOST_TOKENS = 10**9
"""No call comes near a billion tokens: a larger figure is a fault of the provider, not a bill."""

Counted = tuple[Tokens | None, tuple[str, ...]]
"""What was read, None when there is nothing usable, and flags."""


def plausible(value: Any) -> TypeGuard[int]:
    """Whether this is a number of tokens."""
    return type(value) is int and 0 <= value <= MOST_TOKENS


def count(figures: Any, name: str) -> int:
    """One figure; servers leave details out, or set them to null, where they have none."""
    value = figures.get(name) if isinstance(figures, dict) else None
    return value if plausible(value) else 0
