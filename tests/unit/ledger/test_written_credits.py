"""How people read amounts: thousands apart, the sign a minus."""

import pytest

from testkase.core.ledger.credits import grouped_credits
from testkase.core.pricing.money import money


@pytest.mark.parametrize(
    ("microcredits", "text"), [(1_000_500_000, "1,000.50"), (-1_237_650_000, "−1,237.65"), (0, "0.00")]
)
def test_credits_are_written_for_people(microcredits: int, text: str) -> None:
    assert grouped_credits(microcredits) == text


def test_money_that_is_owed_has_the_same_sign() -> None:
    assert (money(-123_456, "USD"), money(-50, "EUR")) == ("−$1,234.56", "−0.50 EUR")
