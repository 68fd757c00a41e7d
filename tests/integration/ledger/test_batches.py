"""Batches of one lane, several under way at a time: what goes together, what overlaps, and that it stays in order
whatever becomes of the one before."""

import asyncio
import time
from collections.abc import Sequence

import psycopg
import pytest

from testkase.core.ledger.attempts import Attempts
from testkase.core.ledger.commands import Command, Grant
from testkase.core.ledger.conversation import Conversation
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.operations import Answer, Outcome, execute_one
from testkase.core.ledger.queries import balance
from testkase.core.ledger.verify import verify
from testkase.core.ledger.waiting import APART, AT_A_TIME, MAX_BATCH
from testkase.foundation.database import Statement, SyncDatabase
from testkase.foundation.problems import Unavailable
from tests.support.cluster import TestDatabase
from tests.support.ledger import fresh_org, hold, open_account, organization, settle

MUCH = 3 * APART
"""Two batches, one behind the other."""


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many commands every batch has."""
    found, once = list[int](), Attempts.once

    async def count(self: Attempts, commands: Sequence[Command]) -> list[Outcome]:
        found.append(len(commands))
        return await once(self, commands)

    monkeypatch.setattr(Attempts, "once", count)
    return found


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """`sent` and `told`, as it comes, of everything that is written from memory."""
    told, write = list[str](), Conversation.append_known

    async def listen(self: Conversation, statement: Statement) -> int:
        told.append("sent")
        try:
            return await write(self, statement)
        finally:
            told.append("told")

    monkeypatch.setattr(Conversation, "append_known", listen)
    return told


async def test_little_is_done_together(engine: Engine, sizes: list[int]) -> None:
    await engine.submit_many([open_account(fresh_org()) for _ in range(APART - 1)])
    assert sizes == [APART - 1]


async def test_much_is_done_side_by_side(engine: Engine, sizes: list[int]) -> None:
    await engine.submit_many([open_account(fresh_org()) for _ in range(APART)])
    assert sizes == [APART // 2, APART // 2]


async def test_what_must_be_loaded_is_loaded_once_for_all_that_it_asks_for(engine: Engine, sizes: list[int]) -> None:
    org_id = fresh_org()
    await engine.submit_many([open_account(org_id), *[hold(org_id, f"h{number}", 1) for number in range(2 * APART)]])
    assert sizes == [2 * APART + 1]


async def test_what_is_known_is_sent_behind_what_is_still_being_written(engine: Engine, sent: list[str]) -> None:
    org_id = await organization(engine)
    outcomes = await engine.submit_many([hold(org_id, f"h{number}", 0.1) for number in range(MUCH)])
    assert all(isinstance(outcome, Answer) for outcome in outcomes)
    assert sent == ["sent", "sent", "told", "told"]


@pytest.mark.requirement("I5", "I6", "I7")
async def test_what_was_decided_on_top_of_what_was_not_written_is_decided_again_in_order(
    engine: Engine, elsewhere: SyncDatabase, sent: list[str]
) -> None:
    """Settlements in one batch, their holds in the one before, which is stale."""
    org_id, number = await organization(engine, credits=1000), MUCH // 2
    elsewhere.run(execute_one(Grant(org_id=org_id, grant_id="theirs", amount=MICRO)))
    outcomes = await engine.submit_many(
        [
            *(hold(org_id, f"h{n}", 1) for n in range(number)),
            *(settle(org_id, f"h{n}", 0.5) for n in range(number)),
        ]
    )
    assert sent.count("sent") == 2
    assert [type(outcome) for outcome in outcomes] == [Answer] * (2 * number)
    assert not any(outcome.replayed for outcome in outcomes if isinstance(outcome, Answer))
    account = elsewhere.read(balance(org_id), org_id=org_id)
    assert (account.available, account.held) == (1001 * MICRO - number * MICRO // 2, 0)
    assert elsewhere.read(verify(org_id), org_id=org_id) == []


@pytest.mark.requirement("I5")
@pytest.mark.parametrize("arrived", [False, True])
async def test_a_connection_lost_under_several_batches_has_one_effect_of_each(
    engine: Engine, elsewhere: SyncDatabase, monkeypatch: pytest.MonkeyPatch, *, arrived: bool
) -> None:
    org_id, write, sent = await organization(engine, credits=1000), Conversation.append_known, list[Statement]()

    async def lose(self: Conversation, statement: Statement) -> int:
        sent.append(statement)
        writing = asyncio.ensure_future(write(self, statement))
        while len(sent) < 2:
            await asyncio.sleep(0)
        if arrived:
            await writing
        await self.close()
        return await writing if not arrived else await write(self, statement)

    monkeypatch.setattr(Conversation, "append_known", lose)
    outcomes = await engine.submit_many([hold(org_id, f"h{number}", 1) for number in range(MUCH)])
    assert len(sent) == 2
    assert [type(outcome) for outcome in outcomes] == [Answer] * MUCH
    assert not any(outcome.replayed for outcome in outcomes if isinstance(outcome, Answer))
    assert elsewhere.read(balance(org_id), org_id=org_id).held == MUCH * MICRO
    assert elsewhere.read(verify(org_id), org_id=org_id) == []


async def test_what_the_database_refuses_takes_neither_neighbours_nor_their_connection_along(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    org_id, write, lines = await organization(engine), Conversation.append_known, list[Conversation]()

    async def refuse_the_first(self: Conversation, statement: Statement) -> int:
        lines.append(self)
        if len(lines) == 1:
            statement = Statement(statement.sql, {**(statement.params or {}), "decided_at": "never"})
        return await write(self, statement)

    monkeypatch.setattr(Conversation, "append_known", refuse_the_first)
    outcomes = await engine.submit_many([hold(org_id, f"h{number}", 0.1) for number in range(MUCH)])
    assert [type(outcome) for outcome in outcomes] == [Answer] * MUCH
    assert lines == [lines[0], lines[0]]
    assert lines[0].is_open


async def test_what_comes_for_an_organization_while_it_is_loaded_comes_after(engine: Engine, sizes: list[int]) -> None:
    orgs = [fresh_org() for _ in range(24)]
    await engine.submit_many([open_account(org) for org in orgs])
    rounds = []
    for turn in range(10):
        commands = [command for org in orgs for command in (hold(org, f"h{turn}"), settle(org, f"h{turn}", 1))]
        rounds.append(asyncio.create_task(engine.submit_many(commands)))
        await asyncio.sleep(0)
    outcomes = [outcome for answers in await asyncio.gather(*rounds) for outcome in answers]
    assert all(isinstance(outcome, Answer) for outcome in outcomes), "no settlement came before its hold"
    assert sum(sizes) == 24 * 21


async def test_while_the_database_is_away_nobody_waits_for_others_to_give_up_first(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    org_ids = [await organization(engine) for _ in range(2)]

    async def refuse(*_: object, **__: object) -> Conversation:
        raise psycopg.OperationalError("connection refused")

    monkeypatch.setattr("testkase.core.ledger.engine.RETRY_SECONDS", 0.5)
    monkeypatch.setattr(Conversation, "append_known", refuse)
    monkeypatch.setattr(Conversation, "load", refuse)
    monkeypatch.setattr(Conversation, "open", refuse)
    began, many = time.monotonic(), 5 * AT_A_TIME * MAX_BATCH
    outcomes = await engine.submit_many([hold(org_ids[n % 2], f"h{n}", 0.01) for n in range(many)])
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * many
    assert time.monotonic() - began < 2


async def test_what_waited_for_long_is_tried_again_all_the_same(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    org_id, write = await organization(engine), Conversation.append_known

    async def lose(self: Conversation, statement: Statement) -> int:
        await self.close()
        return await write(self, statement)

    monkeypatch.setattr("testkase.core.ledger.engine.RETRY_SECONDS", 0.0)
    monkeypatch.setattr(Conversation, "append_known", lose)
    assert not (await engine.submit(hold(org_id, "a"))).replayed


async def test_stopping_finishes_all_that_is_queued(database: TestDatabase) -> None:
    engine = Engine(database.app_url)
    await engine.start()
    async with asyncio.TaskGroup() as tasks:
        opened = tasks.create_task(engine.submit_many([open_account(fresh_org()) for _ in range(MUCH)]))
        await asyncio.sleep(0)
        await engine.stop()
    assert all(isinstance(outcome, Answer) for outcome in opened.result())


@pytest.mark.parametrize("known", [False, True])
async def test_an_organization_locked_elsewhere_holds_up_no_other_that_asks_after_it(
    engine: Engine, database: TestDatabase, *, known: bool
) -> None:
    stuck, free = fresh_org(), fresh_org()
    await engine.submit_many([open_account(stuck), open_account(free)])
    if not known:
        engine.heads.forget([stuck])
    with psycopg.connect(database.owner_url) as other:
        other.execute("SELECT 1 FROM ledger.account WHERE org_id = %s FOR UPDATE", [stuck])
        waits = asyncio.create_task(engine.submit(hold(stuck, "waits")))
        while other.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone() is None:
            await asyncio.sleep(0.01)
        await engine.submit(hold(free, "goes"))
        assert not waits.done()
    assert (await waits).entry.kind == "hold"
