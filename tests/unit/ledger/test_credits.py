"""Credits are integers: texts in, texts out, nothing in between (P1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkase.core.ledger.credits import MAX_MICROCREDITS, MICRO, format_credits, parse_credits, round_up
from testkase.foundation.problems import InvalidInput

amounts = st.integers(0, MAX_MICROCREDITS)


@pytest.mark.requirement("P1")
@given(amounts)
def test_what_is_written_is_read_back(amount: int) -> None:
    assert parse_credits(format_credits(amount)) == amount


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0.00"), (1, "0.000001"), (10_000, "0.01"), (1_240_000, "1.24"), (300 * MICRO, "300.00"),
     (-1_500_000, "-1.50"), (123_456, "0.123456"), (100_000, "0.10"), (MAX_MICROCREDITS, "1000000000.00")],
)  # fmt: skip
def test_amounts_have_two_to_six_decimals(amount: int, text: str) -> None:
    assert format_credits(amount) == text


@pytest.mark.requirement("P1")
@pytest.mark.parametrize(
    "value",
    [12.34, 12, True, None, b"1", ["1"], "", " 1", "1 ", "1.", ".5", "1,5", "+1", "-1", "01", "1e3", "0x10", "NaN",
     "Infinity", "1.0000001", "1\n", "١٢", "１", "1_000", "1.5.5", "9" * 11, "1000000000.000001"],
)  # fmt: skip
def test_anything_but_a_plain_decimal_string_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_credits(value, field="amount")
    assert caught.value.field == "amount"


@given(st.text(max_size=14))
def test_a_text_is_either_an_exact_amount_or_refused(text: str) -> None:
    try:
        amount = parse_credits(text)
    except InvalidInput:
        return
    assert type(amount) is int
    assert 0 <= amount <= MAX_MICROCREDITS


@given(amounts, st.sampled_from([1, 7, 100, 10_000, MICRO]))
def test_rounding_goes_up_by_less_than_one_increment(amount: int, increment: int) -> None:
    rounded = round_up(amount, increment)
    assert rounded % increment == 0
    assert 0 <= rounded - amount < increment


def test_a_whole_multiple_is_not_rounded() -> None:
    assert round_up(20_000, 10_000) == 20_000
    assert round_up(20_001, 10_000) == 30_000
    assert round_up(0, 10_000) == 0
