"""Refunds and overage on real PostgreSQL: races, lots spent long ago, and books from before there were any."""

import asyncio
from importlib.resources import files
from random import Random

import psycopg
import pytest

from testkase.core.ledger import commands as ask
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.operations import Answer, execute
from testkase.core.ledger.queries import balance, lots
from testkase.core.ledger.refusals import InsufficientCredits
from testkase.core.ledger.verify import verify
from testkase.foundation.database import SyncDatabase
from tests.support.cluster import TestDatabase
from tests.support.ledger import hold, open_account, organization, settle

PACK = 50 * MICRO
START = 1_767_225_600 * MICRO  # 2026-01-01T00:00:00Z


def pack(org_id: int) -> ask.Grant:
    return ask.Grant(org_id=org_id, grant_id="pack", amount=PACK, source="purchase", paid=True)


def refund(org_id: int, name: str, clawed: int, *, frozen: bool = False) -> ask.Reverse:
    return ask.Reverse(org_id=org_id, reversal_id=name, grant_id="pack", clawed=clawed, frozen=frozen)


@pytest.mark.requirement("P7", "I10")
async def test_concurrent_callers_cannot_go_beyond_the_cap(engine: Engine, app_url: str) -> None:
    """BerriAI/litellm#34732: 99 spent against a cap of 30."""
    other = Engine(app_url)
    await other.start()
    org_id = await organization(engine, credits=7)
    await engine.submit(ask.SetOverage(org_id=org_id, setting_id="s", limit=30 * MICRO))
    outcomes = await asyncio.gather(
        *((engine, other)[i % 2].submit(hold(org_id, f"h{i}")) for i in range(100)), return_exceptions=True
    )
    await other.stop()
    assert sum(isinstance(outcome, Answer) for outcome in outcomes) == 37
    assert sum(isinstance(outcome, InsufficientCredits) for outcome in outcomes) == 63


@pytest.mark.requirement("P10", "I5")
async def test_reports_of_one_refund_race_calls_and_take_each_credit_once(engine: Engine, app_url: str) -> None:
    """elizaOS/eliza#10920, #10997, #11155: a refund after the credits are spent."""
    org_id = await organization(engine, credits=0)
    await engine.submit(pack(org_id))
    reports = [engine.submit(refund(org_id, "same report", PACK)) for _ in range(20)]
    calls = [_call(engine, org_id, f"h{i}") for i in range(40)]
    outcomes = await asyncio.gather(*calls, *reports)
    spent = MICRO * sum(outcome is True for outcome in outcomes)
    reading = SyncDatabase(app_url)
    stands = reading.run(balance(org_id), org_id=org_id)
    assert (stands.available, stands.held, stands.debt) == (0, 0, spent)
    assert reading.run(verify(org_id), org_id=org_id) == []
    reading.close()


async def _call(engine: Engine, org_id: int, name: str) -> bool:
    try:
        await engine.submit(hold(org_id, name, 1))
    except InsufficientCredits:
        return False
    await engine.submit(settle(org_id, name, 1))
    return True


@pytest.mark.requirement("P10", "B6")
async def test_a_lot_that_was_spent_and_one_that_is_granted_in_the_same_batch_are_found(
    engine: Engine, app_url: str
) -> None:
    org_id = await organization(engine, credits=0)
    await engine.submit(pack(org_id))
    await engine.submit(hold(org_id, "a", 50))
    await engine.submit(settle(org_id, "a", 50))
    owed = await engine.submit(refund(org_id, "r", PACK))
    assert owed.entry.deltas.debt == -PACK
    writing = SyncDatabase(app_url)
    another = ask.Grant(org_id=org_id, grant_id="another", amount=MICRO)
    frozen = ask.Reverse(org_id=org_id, reversal_id="d", grant_id="another", clawed=0, frozen=True)
    answers = writing.run(execute([refund(org_id, "failed", 0), another, frozen]), org_id=org_id)
    assert [answer.entry.kind for answer in answers if isinstance(answer, Answer)] == ["reverse", "grant", "reverse"]
    (lot,) = writing.run(lots(org_id), org_id=org_id)
    assert (lot.available, lot.claw is not None and lot.claw.frozen) == (0, True)
    assert writing.run(balance(org_id), org_id=org_id).debt == 0
    writing.close()


def _long_calls(dice: Random, org_id: int, step: int, now: int) -> ask.Command:
    """Calls that outlive the credits they have set aside, grow over several lots, and are charged piece by piece."""
    name, credits = f"h{dice.randint(max(0, step - 40), step)}", dice.randint(1, 6)
    expires_at = now + dice.randint(60, 1_200) * MICRO
    return dice.choice(
        [
            hold(org_id, f"h{step}", credits, ttl_seconds=dice.choice([900, 86_400])),
            ask.Grant(org_id=org_id, grant_id=f"g{step}", amount=3 * credits * MICRO, expires_at=expires_at),
            ask.ExtendHold(org_id=org_id, hold_id=name, extension_id=f"e{step}", ttl_seconds=900, amount=2 * MICRO),
            ask.SettleHold(org_id=org_id, hold_id=name, credits=MICRO, final=False, capture_id=f"c{step}"),
            settle(org_id, name, dice.randint(1, 3)),
        ]
    )


@pytest.mark.requirement("P10", "B4")
def test_what_had_expired_before_there_were_refunds_is_read_back_exactly(database: TestDatabase) -> None:
    """JiRaska/open-bank-oss#947: a migration counts twice. This one is carried out on books whose figures are known."""
    writing, dice, now = SyncDatabase(database.app_url), Random("before"), START
    writing.run(execute([open_account(1, 5)], clock=now), org_id=1)
    for step in range(900):
        now += dice.randint(0, 120) * MICRO
        writing.run(execute([_long_calls(dice, 1, step, now)], clock=now), org_id=1)
    assert writing.run(verify(1), org_id=1) == []
    writing.close()
    ddl = files("testkase.schema").joinpath("ddl/0014_reversals.sql").read_text(encoding="utf-8")
    filling = ddl[ddl.index("ALTER TABLE ledger.lot NO FORCE") : ddl.index("-- How a lot stands")]
    with psycopg.connect(database.owner_url) as owner:
        known = owner.execute("SELECT lot_id, expired FROM ledger.lot ORDER BY lot_id").fetchall()
        partly = "SELECT FROM ledger.entry WHERE kind = 'settle' AND expired > 0 AND used > 0"
        assert len(owner.execute(partly).fetchall()) > 5
        owner.execute("UPDATE ledger.lot SET expired = 0")
        owner.execute(filling.encode())
        assert owner.execute("SELECT lot_id, expired FROM ledger.lot ORDER BY lot_id").fetchall() == known
