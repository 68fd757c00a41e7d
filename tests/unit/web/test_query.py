"""Numbers out of addresses: a whole number or nothing, never an error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkase.entrypoints.web.query import number


@pytest.mark.parametrize(
    ("text", "found"),
    [("0", 0), ("7", 7), ("9" * 18, 10**18 - 1), ("9" * 19, None), ("-1", None), ("", None), (None, None)],
)
def test_only_whole_numbers_that_fit_are_numbers(text: str | None, found: int | None) -> None:
    assert number(text) == found


@given(st.text())
def test_no_text_raises(text: str) -> None:
    found = number(text)
    assert found is None or 0 <= found < 2**63
