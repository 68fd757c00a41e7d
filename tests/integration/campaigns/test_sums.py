"""A slice of the sums campaign; `make campaign CAMPAIGN=sums` runs it at full size."""

import pytest

from campaigns.ledger.sums import sums
from tests.support.cluster import TestDatabase


@pytest.mark.requirement("I11", "P11", "B12", "R45", "R54")
def test_everything_that_shows_a_sum_shows_the_same_after_a_random_month(database: TestDatabase) -> None:
    outcome = sums(database, operations=400, seed=20_261_127)
    assert outcome.faults == [], outcome.line
    assert int(outcome.figures["entries"]) > 150
