"""Files that a spreadsheet shows as they were written, and cells that it shows and does not run."""

from codecs import BOM_UTF8

BEGINNING = BOM_UTF8
"""Of a CSV. Excel takes a file without it for letters of its machine's own code page, and shows "MÃ¼ller"."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def safe(cell: str) -> str:
    """The cell, with an apostrophe before what a spreadsheet would take for a formula."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell
