"""A slice of the simulation on PostgreSQL; `testkase campaign simulate-postgres` runs it whole."""

import pytest

from campaigns.ledger import simulate_postgres as campaign
from campaigns.ledger.rows import State
from campaigns.ledger.simulate_postgres import simulate_postgres
from tests.support.cluster import Cluster

BLOCK, STORIES = 1_200, 24


@pytest.mark.requirement("B4", "I1", "I2", "I3", "I5", "I6", "I10", "I12")
def test_both_drivers_keep_the_books_that_decide_and_the_naive_model_keep(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(campaign, "BLOCK", BLOCK)
    monkeypatch.setattr(campaign, "WIDTHS", (STORIES,))
    outcome = simulate_postgres(cluster, operations=BLOCK, seed=20_261_128, processes=1)
    assert outcome.faults == [], outcome.faults
    assert (outcome.figures["operations"], outcome.figures["organizations"]) == (BLOCK, STORIES)


def test_a_row_that_was_not_written_is_found(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign, "BLOCK", 60)
    monkeypatch.setattr(campaign, "WIDTHS", (2,))
    sane = campaign._rows

    def without_a_hold(stories: list[campaign.Story]) -> State:
        return sane(stories) | {"hold": dict(list(sane(stories)["hold"].items())[1:])}

    monkeypatch.setattr(campaign, "_rows", without_a_hold)
    [fault] = simulate_postgres(cluster, operations=60, seed=20_261_128, processes=1).faults
    assert "is stored, not expected" in fault
    assert len(fault.splitlines()) == 3, "an opening and a hold are enough"
