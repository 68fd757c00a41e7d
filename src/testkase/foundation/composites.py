r"""Rows as text that PostgreSQL reads as an array of composite values.

A row is written `"(1,\"a text\",…)"`: quoted for the array, and what needs quotes within it quoted once more. Numbers
stand as they are, nothing at all stands for null.
"""

from collections.abc import Sequence


def array(rows: Sequence[str]) -> str | None:
    """The array of some rows; None where there are none."""
    return "{" + ",".join(rows) + "}" if rows else None


def text(value: str | None) -> str:
    """A text within a row."""
    if value is None:
        return ""
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\\\\\").replace('"', '\\\\\\"')
    return f'\\"{value}\\"'


def blob(value: bytes) -> str:
    """Bytes within a row."""
    return "\\\\\\\\x" + value.hex()
