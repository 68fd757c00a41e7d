"""Shares of a month: they add up, however they are rounded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkase.entrypoints.web.chart import permilles_of

pytestmark = pytest.mark.requirement("R54", "P11")


def test_two_halves_of_a_permille_are_not_both_rounded_up() -> None:
    assert permilles_of([730_000, 70_000, 0]) == [913, 87, 0]


def test_nothing_used_is_no_share_of_anything() -> None:
    assert permilles_of([0, 0, 0]) == [0, 0, 0]
    assert permilles_of([]) == []


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=8).filter(any))
def test_shares_add_up_and_none_is_further_off_than_rounding_takes_it(amounts: list[int]) -> None:
    shares, total = permilles_of(amounts), sum(amounts)
    assert sum(shares) == 1000
    off = [abs(share * total - amount * 1000) for share, amount in zip(shares, amounts, strict=True)]
    assert max(off) < total
