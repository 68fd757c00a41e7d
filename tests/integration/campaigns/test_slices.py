"""A slice of every campaign; `make campaign` runs them at full size."""

from pathlib import Path

import pytest

from campaigns.crash.crash import crash
from campaigns.crash.world import world
from campaigns.ledger.last_credit import last_credit
from tests.support.cluster import TestDatabase
from tests.support.processes import serving


@pytest.mark.slow
@pytest.mark.requirement("I5", "I10")
async def test_the_last_credit_is_given_once_however_many_ask_at_once(database: TestDatabase, tmp_path: Path) -> None:
    with serving(database, tmp_path) as app:
        outcome = await last_credit(database, [app.url], rounds=4, seed=20_261_122)
    assert outcome.faults == [], outcome.line
    assert outcome.figures["accepted"]
    assert outcome.figures["refused"]


@pytest.mark.slow
@pytest.mark.requirement("I2", "I5", "I7")
async def test_killing_application_postgresql_and_worker_loses_nothing_and_doubles_nothing() -> None:
    with world() as doomed:
        outcome = await crash(doomed, kills=3, seed=20_261_122, wait=False)
    assert outcome.faults == [], outcome.line
    assert outcome.figures["acknowledged"]
    assert [outcome.figures[f"kills of {what}"] for what in ("the app", "PostgreSQL", "the worker")] == [1, 1, 1]
