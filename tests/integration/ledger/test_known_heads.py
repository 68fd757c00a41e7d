"""Batches decided from memory, while others write to the same organizations: every answer is what a load would give."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from testkase.core.ledger import commands as ask
from testkase.core.ledger.conversation import Conversation
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.limits.commands import Pause, SetBudget
from testkase.core.ledger.operations import Answer, execute, execute_one
from testkase.core.ledger.queries import balance
from testkase.core.ledger.refusals import (
    AiDisabled,
    BudgetExceeded,
    HoldResolved,
    IdReused,
    InsufficientCredits,
    Paused,
)  # fmt: skip
from testkase.core.ledger.verify import verify
from testkase.foundation.clock import utc_now
from testkase.foundation.database import Operation, Row, Statement, SyncDatabase
from testkase.foundation.problems import Unavailable
from tests.support.cluster import TestDatabase
from tests.support.ledger import SUBJECT, fresh_org, hold, open_account, organization, settle

NOW = 1_790_000_000_000_000
SECOND = 1_000_000


@pytest.fixture
async def timed(database: TestDatabase) -> AsyncIterator[tuple[Engine, list[int]]]:
    """An engine and the time it takes it to be."""
    now = [NOW]
    running = Engine(database.app_url, clock=lambda: now[0])
    await running.start()
    yield running, now
    await running.stop()


async def test_a_batch_of_known_organizations_is_written_from_memory(engine: Engine, elsewhere: SyncDatabase) -> None:
    orgs = [await organization(engine) for _ in range(5)]
    await engine.submit_many([hold(org, "a", 5) for org in orgs])
    await engine.submit_many([command for org in orgs for command in (settle(org, "a", 2), hold(org, "b", 1))])
    assert engine.heads.confirmed == 2
    for org in orgs:
        account = elsewhere.read(balance(org), org_id=org)
        assert (account.available, account.held) == (297 * MICRO, 1 * MICRO)
        assert elsewhere.read(verify(org), org_id=org) == []


@pytest.mark.requirement("I10")
async def test_credits_that_another_process_has_spent_are_not_spent_again(
    engine: Engine, elsewhere: SyncDatabase
) -> None:
    org = await organization(engine, credits=10)
    elsewhere.run(execute_one(hold(org, "theirs", 10)))
    with pytest.raises(InsufficientCredits):
        await engine.submit(hold(org, "ours", 1))
    assert elsewhere.read(verify(org), org_id=org) == []


@pytest.mark.requirement("I6")
async def test_a_refusal_is_always_fresh(engine: Engine, elsewhere: SyncDatabase) -> None:
    org = await organization(engine, credits=10)
    with pytest.raises(InsufficientCredits):
        await engine.submit(hold(org, "a", 11))
    elsewhere.run(execute_one(ask.Grant(org_id=org, grant_id="g", amount=5 * MICRO)))
    assert (await engine.submit(hold(org, "a", 11))).entry.kind == "hold"


@pytest.mark.requirement("I14")
async def test_what_another_process_switched_off_is_off(engine: Engine, elsewhere: SyncDatabase) -> None:
    org = await organization(engine)
    await engine.submit(hold(org, "a", 5))
    elsewhere.run(execute_one(ask.SwitchAi(org_id=org, switch_id="s", enabled=False)))
    settled, opened = await engine.submit_many([settle(org, "a", 1), hold(org, "b", 1)])
    assert isinstance(settled, HoldResolved)
    assert settled.facts["state"] == "voided"
    assert isinstance(opened, AiDisabled)


@pytest.mark.requirement("B8", "B13")
async def test_limits_that_another_process_has_set_hold_and_ours_are_counted_from_memory(
    engine: Engine, elsewhere: SyncDatabase
) -> None:
    org = await organization(engine)
    budget = SetBudget(org_id=org, change_id="c", budget_id="b", name="b", limit=5 * MICRO, period="day")
    elsewhere.run(execute_one(budget))
    engine.heads.doubt_seconds = 0.0
    with pytest.raises(BudgetExceeded):
        await engine.submit(hold(org, "a", 6))
    before = engine.heads.confirmed
    await engine.submit(hold(org, "b", 3))
    await engine.submit(settle(org, "b", 2))
    await engine.submit(hold(org, "c", 3))
    assert engine.heads.confirmed == before + 3
    assert elsewhere.read(verify(org), org_id=org) == []
    pause = Pause(org_id=org, change_id="p", kind="user", ref=SUBJECT.user, reason="Why.")
    elsewhere.run(execute_one(pause))
    with pytest.raises(Paused):
        await engine.submit(hold(org, "d", 0))


async def test_a_hold_that_another_process_opened_is_settled(engine: Engine, elsewhere: SyncDatabase) -> None:
    org = await organization(engine)
    elsewhere.run(execute_one(hold(org, "theirs", 5)))
    assert (await engine.submit(settle(org, "theirs", 2))).entry.deltas.used == 2 * MICRO


async def test_holds_opened_here_stay_known_when_the_organization_is_loaded_for_another_reason(engine: Engine) -> None:
    org = await organization(engine)
    engine.heads.doubt_seconds = 0.0
    await engine.submit(hold(org, "a", 5))
    await engine.submit(ask.Touch(org_id=org))
    before = engine.heads.confirmed
    await engine.submit(settle(org, "a", 2))
    assert engine.heads.confirmed == before + 1


@pytest.mark.requirement("I5")
async def test_an_id_that_another_process_used_is_answered_and_takes_nobody_along(
    engine: Engine, elsewhere: SyncDatabase
) -> None:
    org, other = await organization(engine), await organization(engine)
    usage = ask.RecordUsage(org_id=org, usage_id="u", subject=SUBJECT, credits=MICRO)
    theirs = elsewhere.run(execute_one(usage))
    await engine.submit(ask.Touch(org_id=org))  # now the head is known, and the id is not
    await engine.submit(hold(other, "warm"))
    changed = ask.RecordUsage(org_id=org, usage_id="u", subject=SUBJECT, credits=2 * MICRO)
    again, reused, fine = await engine.submit_many([usage, changed, hold(other, "fine")])
    assert engine.heads.refuted == 0, "the conflict was a refusal, and so known not to be believed"
    assert isinstance(again, Answer)
    assert (again.replayed, again.entry.hash) == (True, theirs.entry.hash)
    assert isinstance(reused, IdReused)
    assert isinstance(fine, Answer)


@pytest.mark.requirement("I5")
async def test_an_id_that_memory_never_saw_is_met_by_the_index(engine: Engine, elsewhere: SyncDatabase) -> None:
    org = await organization(engine)
    first = elsewhere.run(execute_one(hold(org, "once", 5)))
    await engine.submit(ask.Touch(org_id=org))
    again, fine = await engine.submit_many([hold(org, "once", 5), hold(org, "fine")])
    assert engine.heads.refuted == 1
    assert isinstance(again, Answer)
    assert (again.replayed, again.entry.hash) == (True, first.entry.hash)
    assert isinstance(fine, Answer)
    assert elsewhere.read(verify(org), org_id=org) == []


@pytest.mark.requirement("I4")
async def test_what_falls_due_meanwhile_is_seen(timed: tuple[Engine, list[int]]) -> None:
    engine, now = timed
    org = fresh_org()
    await engine.submit(open_account(org, 10))
    await engine.submit(hold(org, "short", 10, 60))
    now[0] += 60 * SECOND
    settled, opened = await engine.submit_many([settle(org, "short", 1), hold(org, "next", 10)])
    assert isinstance(settled, HoldResolved)
    assert settled.facts["state"] == "lapsed"
    assert isinstance(opened, Answer)


async def test_a_due_date_that_moved_without_an_entry_is_not_moved_back(
    timed: tuple[Engine, list[int]], elsewhere: SyncDatabase, database: TestDatabase
) -> None:
    engine, _ = timed
    org = fresh_org()
    await engine.submit(open_account(org))
    await engine.submit(hold(org, "short", 1, 60))
    await engine.submit(settle(org, "short", 1))
    elsewhere.run(execute_one(ask.Touch(org_id=org), clock=NOW + 61 * SECOND))
    await engine.submit(hold(org, "next", 1, 600))
    assert engine.heads.refuted == 1
    with psycopg.connect(database.owner_url) as connection:
        (due_at,) = connection.execute("SELECT due_at FROM ledger.account WHERE org_id = %s", [org]).fetchone()  # type: ignore[misc]
    assert due_at == NOW + 600 * SECOND


@pytest.mark.parametrize("wrong_by", [-3_600, -3, 3, 3_600])
async def test_a_clock_that_is_wrong_is_not_believed(engine: Engine, wrong_by: int) -> None:
    # Two weeks from the end of its billing month, which a clock that is ahead would otherwise reach and load.
    org = await organization(engine, anchor_day=(utc_now().day + 14) % 28 + 1)
    true = (await engine.submit(ask.Touch(org_id=org))).entry.at
    assert engine.heads._ahead is not None
    engine.heads._ahead += wrong_by * SECOND
    entry = (await engine.submit(hold(org, "a"))).entry
    assert engine.heads.refuted == 1
    assert abs(entry.at - true) < 2 * SECOND


@pytest.mark.requirement("I5")
@pytest.mark.parametrize("arrived", [True, False])
async def test_a_connection_lost_before_the_answer_has_one_effect(
    engine: Engine, elsewhere: SyncDatabase, monkeypatch: pytest.MonkeyPatch, *, arrived: bool
) -> None:
    org = await organization(engine)
    commit, lost = Conversation.append_known, list[Statement]()

    async def lose(self: Conversation, statement: Statement) -> int:
        lost.append(statement)
        if arrived:
            await commit(self, statement)
        raise psycopg.OperationalError("the connection broke off")

    monkeypatch.setattr(Conversation, "append_known", lose)
    outcomes = await engine.submit_many([hold(org, "a", 5), hold(org, "b", 1), hold(org, "a", 5)])
    assert [outcome.replayed for outcome in outcomes if isinstance(outcome, Answer)] == [False, False, True]
    assert len(lost) == 1, "what was repeated was loaded"
    account = elsewhere.read(balance(org), org_id=org)
    assert account.held == 6 * MICRO
    assert elsewhere.read(verify(org), org_id=org) == []


@pytest.mark.requirement("I5", "I6")
async def test_what_an_unheard_attempt_accepted_is_not_told_as_refused(
    engine: Engine, elsewhere: SyncDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The statement may be on its way still."""
    org = await organization(engine, credits=5)

    async def lose(_: Conversation, __: Statement) -> int:
        elsewhere.run(execute_one(hold(org, "theirs", 5)))
        raise psycopg.OperationalError("the connection broke off")

    monkeypatch.setattr(Conversation, "append_known", lose)
    (outcome,) = await engine.submit_many([hold(org, "ours", 5)])
    assert isinstance(outcome, Unavailable)
    with pytest.raises(InsufficientCredits):
        await engine.submit(hold(org, "ours", 5))


async def test_a_statement_that_arrives_after_its_repetition_writes_nothing(
    engine: Engine, elsewhere: SyncDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    org = await organization(engine)
    late: list[Statement] = []

    async def lose(_: Conversation, statement: Statement) -> int:
        late.append(statement)
        raise psycopg.OperationalError("the connection broke off")

    monkeypatch.setattr(Conversation, "append_known", lose)
    await engine.submit(hold(org, "a", 5))
    with pytest.raises(psycopg.Error, match="what was known is not so any more") as told:
        elsewhere.run(_sent(late[0]))
    assert told.value.sqlstate == "TK001"
    assert elsewhere.read(balance(org), org_id=org).held == 5 * MICRO


@pytest.mark.requirement("I5", "I6")
@pytest.mark.parametrize("interrupted", [False, True])
async def test_much_that_is_known_does_not_wait_for_what_must_be_loaded(
    engine: Engine, elsewhere: SyncDatabase, monkeypatch: pytest.MonkeyPatch, *, interrupted: bool
) -> None:
    engine.heads.worth_apart = 3
    orgs = [await organization(engine, credits=10) for _ in range(4)]
    load, faults = Conversation.load, iter([psycopg.OperationalError("gone")] if interrupted else ())

    async def interrupt(self: Conversation, statement: Statement) -> list[Row]:
        if (fault := next(faults, None)) is not None:
            raise fault
        return await load(self, statement)

    monkeypatch.setattr(Conversation, "load", interrupt)
    commands = [hold(org, name, 3) for org in orgs for name in ("a", "b")]
    commands[3] = hold(orgs[1], "b", 8)
    outcomes = await engine.submit_many(commands)
    assert engine.heads.confirmed == 1
    assert [isinstance(outcome, InsufficientCredits) for outcome in outcomes] == [index == 3 for index in range(8)]
    assert not any(outcome.replayed for outcome in outcomes if isinstance(outcome, Answer))
    assert [elsewhere.read(balance(org), org_id=org).held for org in orgs] == [
        6 * MICRO,
        3 * MICRO,
        6 * MICRO,
        6 * MICRO,
    ]
    assert [found for org in orgs for found in elsewhere.read(verify(org), org_id=org)] == []


def _sent(statement: Statement) -> Operation[None]:
    yield statement


async def test_a_writer_killed_while_it_waits_for_the_lock_has_written_nothing(
    engine: Engine, database: TestDatabase, elsewhere: SyncDatabase
) -> None:
    org = await organization(engine)
    with psycopg.connect(database.owner_url) as holder, psycopg.connect(database.owner_url, autocommit=True) as killer:
        holder.execute("SELECT 1 FROM ledger.account WHERE org_id = %s FOR UPDATE", [org])
        waiting = asyncio.create_task(engine.submit(hold(org, "a", 5)))
        await _blocked(killer)
        killer.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'testkase-ledger'"
            " AND datname = current_database()"
        )
        holder.rollback()
        assert not (await waiting).replayed
    assert elsewhere.read(balance(org), org_id=org).held == 5 * MICRO
    assert elsewhere.read(verify(org), org_id=org) == []


async def _blocked(connection: psycopg.Connection[Any]) -> None:
    """Until somebody waits for a lock in the statement that writes from memory."""
    while not connection.execute(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        " AND query LIKE '%append_one%'"
    ).fetchone():
        await asyncio.sleep(0.01)


async def test_engines_that_share_organizations_never_wait_for_each_other_in_a_circle(
    database: TestDatabase, elsewhere: SyncDatabase
) -> None:
    """Both ways into the ledger lock in one order."""
    dice = random.Random(7)
    engines = [Engine(database.app_url, lanes=lanes) for lanes in (1, 2, 1)]
    for engine in engines:
        await engine.start()
        engine.heads.doubt_seconds = 0.0
    orgs = [fresh_org() for _ in range(12)]
    await engines[0].submit_many([open_account(org) for org in orgs])

    async def use(number: int, engine: Engine) -> None:
        for turn in range(40):
            some = dice.sample(orgs, 6)
            ids = [f"e{number}-{turn}-{org}" for org in some]
            held = await engine.submit_many([hold(org, name) for org, name in zip(some, ids, strict=True)])
            done = await engine.submit_many([settle(org, name, 0.5) for org, name in zip(some, ids, strict=True)])
            assert all(isinstance(outcome, Answer) and not outcome.replayed for outcome in (*held, *done))

    await asyncio.gather(*(use(number, engine) for number, engine in enumerate(engines)))
    for engine in engines:
        await engine.stop()
    assert sum(engine.heads.confirmed for engine in engines) > 0
    assert sum(engine.heads.refuted for engine in engines) > 0
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("SELECT pg_stat_clear_snapshot()")
        assert connection.execute(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).fetchone() == (0,)
    assert [found for org in orgs for found in elsewhere.read(verify(org), org_id=org)] == []
    used = sum(elsewhere.read(balance(org), org_id=org).period_used for org in orgs)
    assert used == 3 * 40 * 6 * MICRO // 2


async def test_both_ways_into_the_ledger_come_to_the_same_entries(database: TestDatabase) -> None:
    """What is written from memory is, hash by hash, what is decided under the lock."""
    one, other = fresh_org(), fresh_org()
    engine = Engine(database.app_url, clock=lambda: NOW)
    await engine.start()
    await engine.submit_many([open_account(one), open_account(other)])
    books = SyncDatabase(database.app_url)
    story = [("a", 5), ("b", 3)]
    for name, credits in story:
        await engine.submit(hold(one, name, credits))
        books.run(execute([hold(other, name, credits)], clock=NOW))
    ours = [await engine.submit(settle(one, name, 1)) for name, _ in story]
    theirs = [answer for name, _ in story for answer in books.run(execute([settle(other, name, 1)], clock=NOW))]
    await engine.stop()
    books.close()
    assert engine.heads.confirmed == 4
    for answer, same in zip(ours, theirs, strict=True):
        assert isinstance(same, Answer)
        assert (answer.entry.deltas, answer.entry.lots, answer.entry.usage, answer.entry.seq) == (
            same.entry.deltas, same.entry.lots, same.entry.usage, same.entry.seq,
        )  # fmt: skip


def test_whoever_writes_what_memory_holds_is_known(database: TestDatabase) -> None:
    """A function that changed the books without an entry would leave memory wrong and the head right."""
    tables = ["account", "lot", "open_hold", "budget", "pause", "entry", "operation"]
    writes = rf"(insert\s+into|update|delete\s+from|truncate)\s+(only\s+)?ledger\.({'|'.join(tables)})\y"
    with psycopg.connect(database.owner_url) as connection:
        functions = connection.execute("SELECT proname FROM pg_proc WHERE prosrc ~* %s ORDER BY 1", [writes]).fetchall()
        roles = connection.execute(
            "SELECT DISTINCT grantee::text FROM information_schema.role_table_grants"
            " WHERE table_schema = 'ledger' AND table_name = ANY (%s)"
            "   AND privilege_type IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE')"
            "   AND grantee <> (SELECT relowner::regrole::text FROM pg_class WHERE oid = 'ledger.account'::regclass)",
            [tables],
        ).fetchall()
    assert [name for (name,) in functions] == [
        "append", "append_known", "append_limits", "append_many", "append_one", "append_rows",
    ]  # fmt: skip
    assert roles == [("testkase_ledger",)]
