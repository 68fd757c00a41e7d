"""Numbers out of addresses and forms, where anything can stand."""

_DIGITS = 18
"""As many as fit into the database's 64 bits, whatever they are."""


def number(text: str | None) -> int | None:
    """A whole number that is not negative; None for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= _DIGITS else None
