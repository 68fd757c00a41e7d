"""Integer micro-credits: the only unit in which credits are kept, moved and compared (P1).

1 credit = 1,000,000 micro-credits. People and programs see decimal strings such as "12.34"; a float never enters.
"""

import re

from testkase.foundation.problems import InvalidInput

MICRO = 1_000_000
"""Micro-credits in one credit."""

MAX_MICROCREDITS = 10**15
"""Largest amount one command may name: a billion credits. Far below 2^63, so that no sum of a batch can overflow."""

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,6}))?", re.ASCII)


def parse_credits(text: object, *, field: str = "credits") -> int:
    """Micro-credits from a decimal string such as "12.34". Raises InvalidInput for anything else, a JSON number
    included."""
    match = _DECIMAL.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InvalidInput(
            'Amounts are decimal strings of at most a billion credits, with at most six decimals, such as "12.34".',
            field=field,
        )
    whole, fraction = match[1], match[2] or ""
    amount = int(whole) * MICRO + int(fraction.ljust(6, "0"))
    if amount > MAX_MICROCREDITS:
        raise InvalidInput("The amount is larger than a billion credits.", field=field)
    return amount


def format_credits(microcredits: int) -> str:
    """A decimal string with two to six decimals: 1,240,000 → "1.24"."""
    sign = "-" if microcredits < 0 else ""
    whole, fraction = divmod(abs(microcredits), MICRO)
    digits = f"{fraction:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{digits}"


def grouped_credits(microcredits: int) -> str:
    """The same for people: 1,240,500,000 → "1,240.50"."""
    whole, _, fraction = format_credits(abs(microcredits)).partition(".")
    return f"{'−' if microcredits < 0 else ''}{int(whole):,}.{fraction}"


def whole_credits(microcredits: int) -> str:
    """The same of amounts that are whole by nature: 300,000,000 → "300". A fraction is shown where there is one."""
    return grouped_credits(microcredits).removesuffix(".00")


def round_up(microcredits: int, increment: int) -> int:
    """The next multiple of `increment` that is not below the amount. The single rounding of a charge (P1)."""
    return -(-microcredits // increment) * increment
