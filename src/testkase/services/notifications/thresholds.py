"""At which balances people are told (P12): amounts in micro-credits, highest first, at most ten.

Without thresholds of its own an organization has 20 % and 5 % of its monthly allowance, and 0. The threshold 0 stands
for "covers nothing": less than the hundredth of a credit that is the least a call can cost.
"""

from collections.abc import Iterable

from testkase.core.ledger.credits import MAX_MICROCREDITS, MICRO, format_credits
from testkase.foundation.problems import InvalidInput

MOST = 10
"""Thresholds of one organization."""

LEAST_CHARGE = MICRO // 100
"""Charges are whole hundredths of a credit (P1): a balance below that buys nothing."""

_DEFAULT_PERCENT = (20, 5, 0)


def default_thresholds(monthly_allowance: int) -> tuple[int, ...]:
    """20 % and 5 % of the allowance and 0, in whole hundredths of a credit, highest first."""
    return _ordered(monthly_allowance * percent // 100 // LEAST_CHARGE * LEAST_CHARGE for percent in _DEFAULT_PERCENT)


def checked_thresholds(amounts: Iterable[int]) -> tuple[int, ...]:
    """The amounts, each once, highest first. Raises InvalidInput for too many, for one below zero or too large, and for
    fractions of a hundredth."""
    thresholds = _ordered(amounts)
    if len(thresholds) > MOST:
        raise InvalidInput(f"At most {MOST} thresholds can be set. Remove some first.", field="thresholds")
    for threshold in thresholds:
        if not 0 <= threshold <= MAX_MICROCREDITS:
            raise InvalidInput("A threshold is between 0 and a billion credits.", field="thresholds")
        if threshold % LEAST_CHARGE:
            raise InvalidInput(
                f"{format_credits(threshold)} has too many decimals: two are the most.", field="thresholds"
            )
    return thresholds


def is_low(level: int, threshold: int) -> bool:
    """Whether the balance has fallen to the threshold."""
    return level <= threshold if threshold else level < LEAST_CHARGE


def _ordered(amounts: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(amounts), reverse=True))
