"""A slice of the campaign about refunds and disputes; `make campaign CAMPAIGN=money-back` runs it at full size."""

import pytest

from campaigns.payments.money_back import money_back
from tests.support.cluster import TestDatabase


@pytest.mark.requirement("P9", "P10", "B6")
def test_whatever_is_heard_of_money_back_in_whatever_order(database: TestDatabase) -> None:
    outcome = money_back(database, stories=40, longest=3, seed=20_261_128)
    assert outcome.faults == [], outcome.line
