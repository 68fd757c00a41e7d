"""The campaigns' own judge must not be blind: books tampered with by a superuser are found."""

import psycopg
import pytest

from campaigns.oracle import deviations
from testkase.core.ledger.commands import Grant, Reverse
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.limits.commands import SetBudget
from tests.support.cluster import TestDatabase
from tests.support.ledger import hold, organization, settle


async def some_books(engine: Engine) -> None:
    org_id = await organization(engine)
    budget = SetBudget(org_id=org_id, change_id="b", budget_id="b", name="All", limit=100 * MICRO, period="month")
    await engine.submit(budget)
    await engine.submit(hold(org_id, "settled", 5))
    await engine.submit(settle(org_id, "settled", 3))
    await engine.submit(hold(org_id, "open", 2))
    await engine.submit(Grant(org_id=org_id, grant_id="pack", amount=9 * MICRO))
    await engine.submit(Reverse(org_id=org_id, reversal_id="r", grant_id="pack", clawed=4 * MICRO))


async def test_right_books_have_no_deviations(engine: Engine, database: TestDatabase) -> None:
    await some_books(engine)
    assert deviations(database.owner_url) == []


@pytest.mark.parametrize(
    ("tampering", "invariant"),
    [
        ("UPDATE ledger.account SET available = available + 1", "I2 balances are the sums of entries"),
        ("UPDATE ledger.lot SET available = available - 1", "I2 balances are what is left in lots"),
        ("UPDATE ledger.open_hold SET amount = amount + 1", "I3 open holds are what is held"),
        ("DELETE FROM ledger.entry WHERE seq = 3", "I2 balances are the sums of entries"),
        ("UPDATE ledger.usage SET charged = charged - 1", "I11 usage is what entries charged"),
        ("UPDATE ledger.entry SET available_after = available_after + 1 WHERE seq = 3", "running balances"),
        ("UPDATE ledger.budget SET held = 0", "B8 budgets hold what the open holds"),
        ("UPDATE ledger.budget SET used = used + 1", "B8 budgets have used what was charged"),
        ("UPDATE ledger.account SET overage = 1", "I2 balances are the sums of entries"),
        ("UPDATE ledger.account SET covered = 1", "P10 what is owed is debt"),
        ("UPDATE ledger.lot SET frozen = true WHERE clawed > 0", "P10 a lot keeps of a refund what it can"),
        ("UPDATE ledger.lot SET reversed = 0 WHERE clawed > 0", "P10 a lot keeps of a refund what it can"),
        ("UPDATE ledger.open_hold SET hold_id = 'settled'", "I7 a hold is open or resolved"),
    ],
)
async def test_each_kind_of_tampering_is_found(
    engine: Engine, database: TestDatabase, tampering: str, invariant: str
) -> None:
    await some_books(engine)
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(tampering.encode())
    assert any(found.startswith(invariant) for found in deviations(database.owner_url))
