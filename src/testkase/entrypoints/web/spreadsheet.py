"""Cells of the pages' downloads, safe to open in a spreadsheet."""

from testkase.foundation.spreadsheet import safe

__all__ = ["safe"]
