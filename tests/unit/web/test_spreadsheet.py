"""Cells of a CSV that a spreadsheet must not run."""

import pytest

from testkase.entrypoints.web.spreadsheet import safe


@pytest.mark.requirement("P11")
@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@A", "\tx", "\rx", "  =1", "＝1", "\n=1"])
def test_what_would_begin_a_formula_is_quoted(cell: str) -> None:
    assert safe(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["", "Ada", "a=1", "1.24", "ada@example.com", "—"])
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert safe(cell) == cell
