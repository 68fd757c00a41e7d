"""Beginning and cells of the pages' downloads, safe to open in a spreadsheet."""

from testkase.foundation.spreadsheet import BEGINNING, safe

__all__ = ["BEGINNING", "safe"]
