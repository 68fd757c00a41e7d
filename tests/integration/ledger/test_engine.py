"""Group commit on real PostgreSQL: concurrency, repetition, refusal, cancellation."""

import asyncio
import os
import signal
from collections.abc import Sequence

import msgspec
import psycopg
import pytest

from testkase.core.ledger import commands as ask
from testkase.core.ledger.attempts import Attempts
from testkase.core.ledger.commands import Command
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.operations import Answer, Outcome
from testkase.core.ledger.queries import balance, receipt, usage_page, usage_summary
from testkase.core.ledger.refusals import HoldNotFound, HoldResolved, IdReused, InsufficientCredits
from testkase.core.ledger.terms import Tokens
from testkase.foundation.database import Database
from testkase.foundation.problems import Problem
from tests.support.cluster import TestDatabase
from tests.support.ledger import hold, open_account, organization, settle


@pytest.mark.requirement("I10", "P17")
async def test_concurrent_callers_cannot_overspend(engine: Engine, app_url: str) -> None:
    """BerriAI/litellm#34732: 99 spent against a cap of 30; wasp-lang/open-saas#727: two requests suffice."""
    other = Engine(app_url)
    await other.start()
    org_id = await organization(engine, credits=37)
    engines = (engine, other)
    outcomes = await asyncio.gather(
        *(engines[i % 2].submit(hold(org_id, f"h{i}")) for i in range(100)), return_exceptions=True
    )
    await other.stop()
    assert sum(isinstance(outcome, Answer) for outcome in outcomes) == 37
    assert sum(isinstance(outcome, InsufficientCredits) for outcome in outcomes) == 63


@pytest.mark.requirement("I5")
async def test_the_same_id_fifty_times_at_once_has_one_effect_and_one_answer(engine: Engine, app_url: str) -> None:
    """formancehq/ledger#921: a lost race answers the stored result, not an error."""
    other = Engine(app_url)
    await other.start()
    org_id = await organization(engine)
    answers = await asyncio.gather(*((engine, other)[i % 2].submit(hold(org_id, "once", 5)) for i in range(50)))
    await other.stop()
    assert len({answer.entry.hash for answer in answers}) == 1
    assert sum(not answer.replayed for answer in answers) == 1
    assert answers[0].entry.available_after == 295 * MICRO


@pytest.mark.requirement("I5")
async def test_an_id_with_another_input_is_a_conflict(engine: Engine) -> None:
    org_id = await organization(engine)
    await engine.submit(hold(org_id, "a", 5))
    with pytest.raises(IdReused):
        await engine.submit(hold(org_id, "a", 6))


@pytest.mark.requirement("I7")
async def test_a_hold_is_resolved_once(engine: Engine) -> None:
    """elizaOS/eliza#11169: stranded and double-released holds."""
    org_id = await organization(engine)
    await engine.submit(hold(org_id, "a", 5))
    outcomes = await engine.submit_many(
        [
            settle(org_id, "a", 2),
            ask.VoidHold(org_id=org_id, hold_id="a"),
            settle(org_id, "a", 2),
            settle(org_id, "a", 3),
        ]
    )
    first, void, again, other = outcomes
    assert isinstance(first, Answer)
    assert first.entry.deltas.used == 2 * MICRO
    assert isinstance(void, HoldResolved)
    assert void.facts["state"] == "settled"
    assert isinstance(again, Answer)
    assert (again.replayed, again.entry.hash) == (True, first.entry.hash)
    assert isinstance(other, IdReused)


@pytest.mark.requirement("I6")
async def test_a_refused_command_fails_alone_and_leaves_every_row_as_it_was(
    engine: Engine, database: TestDatabase
) -> None:
    org_id = await organization(engine, credits=10)
    before = _rows(database, org_id)
    outcomes = await engine.submit_many(
        [
            hold(org_id, "big", 11),
            settle(org_id, "absent", 1),
            hold(org_id, "never", -1),
            hold(org_id, "long", 1, 10**6),
        ]
    )
    assert all(isinstance(outcome, Problem) for outcome in outcomes)
    assert isinstance(outcomes[1], HoldNotFound)
    assert _rows(database, org_id) == before
    mixed = await engine.submit_many([hold(org_id, "big", 11), hold(org_id, "fits", 10)])
    assert [isinstance(outcome, Answer) for outcome in mixed] == [False, True]


async def test_a_caller_that_gives_up_does_not_wedge_its_batch(engine: Engine) -> None:
    org_id = await organization(engine)
    tasks = [asyncio.create_task(engine.submit(hold(org_id, f"h{i}"))) for i in range(20)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(outcome, Answer) for outcome in outcomes[1::2])
    assert (await engine.submit(hold(org_id, "after"))).entry.kind == "hold"


@pytest.mark.requirement("I5")
async def test_a_commit_that_went_unheard_is_no_repetition_by_the_caller(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway refuses a repetition: it must not take its own first call for one."""
    org_id = await organization(engine)
    commit, heard = Attempts.once, iter([False])

    async def lose_the_first(self: Attempts, commands: Sequence[Command]) -> list[Outcome]:
        outcomes = await commit(self, commands)
        if next(heard, True):
            return outcomes
        raise psycopg.OperationalError("the connection broke off after the commit")

    monkeypatch.setattr(Attempts, "once", lose_the_first)
    outcomes = await engine.submit_many([hold(org_id, "a"), hold(org_id, "b"), hold(org_id, "a")])
    assert [outcome.replayed for outcome in outcomes if isinstance(outcome, Answer)] == [False, False, True]
    assert (await engine.submit(hold(org_id, "a"))).replayed


@pytest.mark.requirement("I5")
async def test_nor_is_one_after_which_the_rows_stay_locked_for_a_while(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that stalls: the commit is given up on, the rows are locked at the next try, and then it is there."""
    org_id = await organization(engine)
    commit = Attempts.once
    faults = iter([psycopg.OperationalError("the commit took too long"), psycopg.errors.LockNotAvailable()])

    async def stall(self: Attempts, commands: Sequence[Command]) -> list[Outcome]:
        fault = next(faults, None)
        outcomes = [] if isinstance(fault, psycopg.errors.LockNotAvailable) else await commit(self, commands)
        if fault is not None:
            raise fault
        return outcomes

    monkeypatch.setattr(Attempts, "once", stall)
    outcomes = await engine.submit_many([hold(org_id, "a"), hold(org_id, "b"), hold(org_id, "a")])
    assert [outcome.replayed for outcome in outcomes if isinstance(outcome, Answer)] == [False, False, True]


async def test_a_command_the_database_refuses_does_not_take_its_batch_along(engine: Engine) -> None:
    org_id = await organization(engine)
    nul = msgspec.structs.replace(hold(org_id, "nul"), hold_id="nul\0")
    outcomes = await engine.submit_many([hold(org_id, "good"), nul, hold(org_id, "better")])
    assert [isinstance(outcome, Answer) for outcome in outcomes] == [True, False, True]


@pytest.mark.requirement("I5")
async def test_the_same_command_twice_in_a_batch_that_is_taken_apart_is_a_repetition_once(engine: Engine) -> None:
    org_id = await organization(engine)
    once, nul = hold(org_id, "once"), msgspec.structs.replace(hold(org_id, "nul"), hold_id="nul\0")
    outcomes = await engine.submit_many([once, once, nul])
    assert [outcome.replayed for outcome in outcomes if isinstance(outcome, Answer)] == [False, True]


@pytest.mark.usefixtures("impatient")
async def test_an_organization_locked_elsewhere_does_not_stop_the_others(
    engine: Engine, database: TestDatabase
) -> None:
    stuck, free = await organization(engine), await organization(engine)
    with psycopg.connect(database.owner_url) as other:
        other.execute("SELECT 1 FROM ledger.account WHERE org_id = %s FOR UPDATE", [stuck])
        outcomes = await engine.submit_many([hold(stuck, "waits"), hold(free, "goes")])
    assert [isinstance(outcome, Answer) for outcome in outcomes] == [False, True]
    assert outcomes[0].code == "unavailable"  # type: ignore[union-attr]
    assert not (await engine.submit(hold(stuck, "waits"))).replayed


async def test_connections_lost_between_batches_are_made_again(engine: Engine, database: TestDatabase) -> None:
    org_id = await organization(engine)
    with psycopg.connect(database.owner_url, autocommit=True) as superuser:
        superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'testkase-ledger' AND datname = current_database()"
        )
    assert (await engine.submit(hold(org_id, "after"))).entry.kind == "hold"


async def test_a_database_that_says_nothing_does_not_take_its_callers_along(
    database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("testkase.core.ledger.conversation.SILENCE_SECONDS", 1)
    engine = Engine(database.app_url)
    await engine.start()
    org_id = await organization(engine)
    with psycopg.connect(database.owner_url, autocommit=True) as superuser:
        silent = [
            pid
            for (pid,) in superuser.execute(
                "SELECT pid FROM pg_stat_activity"
                " WHERE application_name = 'testkase-ledger' AND datname = current_database()"
            )
        ]
    assert len(silent) == 2, "what is known is written on one, what is not on the other"
    for pid in silent:
        os.kill(pid, signal.SIGSTOP)
    try:
        assert (await engine.submit(hold(org_id, "a"))).entry.kind == "hold"
    finally:
        for pid in silent:
            os.kill(pid, signal.SIGCONT)
    await engine.stop()


@pytest.mark.requirement("B3", "P11", "I11")
async def test_receipt_table_breakdown_and_balance_agree(engine: Engine, app_url: str) -> None:
    org_id = await organization(engine)
    await engine.submit(hold(org_id, "a", 5))
    command = ask.SettleHold(org_id=org_id, hold_id="a", tokens=Tokens(input=1_000, cached_input=500, output=2_000))
    entry = (await engine.submit(command)).entry
    database = Database(app_url)
    await database.open()
    proof = await database.run(receipt(org_id, entry.seq), org_id=org_id)
    table = await database.run(usage_page(org_id, limit=10), org_id=org_id)
    breakdown = await database.run(usage_summary(org_id), org_id=org_id)
    account = await database.run(balance(org_id), org_id=org_id)
    await database.close()
    assert proof.usage.charged == 910_000  # 0.1 + 0.005 + 0.8 credits, rounded up once
    assert sum(line.charged for line in proof.lots) == proof.usage.charged == proof.balance_before - proof.balance_after
    assert [row.charged for row in table] == [feature.charged for feature in breakdown] == [account.period_used]


async def test_a_stopped_engine_finishes_what_was_queued_and_turns_away_the_rest(app_url: str) -> None:
    engine = Engine(app_url)
    await engine.start()
    org_id = await organization(engine)
    queued = [asyncio.create_task(engine.submit(hold(org_id, f"h{i}"))) for i in range(10)]
    await asyncio.sleep(0)
    await engine.stop()
    assert all(answer.entry.kind == "hold" for answer in await asyncio.gather(*queued))
    with pytest.raises(Problem, match="same id"):
        await engine.submit(open_account(org_id))


def _rows(database: TestDatabase, org_id: int) -> list[object]:
    with psycopg.connect(database.owner_url) as connection:
        return [
            connection.execute(
                f"SELECT t::text FROM ledger.{table} AS t WHERE org_id = %s ORDER BY 1", [org_id]
            ).fetchall()
            for table in ("account", "lot", "open_hold", "entry", "usage", "usage_day")
        ]
