"""Batches of one organization are decided in the order in which they came, whatever becomes of those before them."""

import asyncio
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest

from testkase.core.ledger import lines as common
from testkase.core.ledger.attempts import Attempts
from testkase.core.ledger.conversation import Conversation
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.lines import Lines
from testkase.core.ledger.operations import Answer, execute_one
from testkase.core.ledger.refusals import InsufficientCredits
from testkase.core.ledger.waiting import APART, Batch
from testkase.foundation.database import Statement, run
from tests.support.cluster import TestDatabase
from tests.support.ledger import hold, organization


@pytest.fixture
async def patient(database: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    """An engine whose common connection waits for a lock as long as these tests need to see it wait."""
    monkeypatch.setattr(common, "IMPATIENCE_MS", 1_000)
    running = Engine(database.app_url)
    await running.start()
    yield running
    await running.stop()


async def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether it came true in time."""
    for _ in range(int(seconds * 200)):
        if condition():
            return True
        await asyncio.sleep(0.005)
    return False


async def test_nothing_overtakes_what_was_decided_on_top_of_a_batch_that_was_not_written(
    patient: Engine, database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first batch is loaded and written before the second, which rests on it, has heard that it was not. What comes
    then must not be decided on top of the first: the second is to come before it."""
    other, org_id = await organization(patient), await organization(patient, credits=APART + 10)
    sent, write = list[Statement](), Conversation.append_known

    async def count(self: Conversation, statement: Statement) -> int:
        sent.append(statement)
        return await write(self, statement)

    monkeypatch.setattr(Conversation, "append_known", count)
    behind = [hold(org_id, f"b{n}", 0) for n in range(APART)]
    with psycopg.connect(database.owner_url) as ones, psycopg.connect(database.owner_url) as others:
        ones.execute("SELECT 1 FROM ledger.account WHERE org_id = %s FOR UPDATE", [org_id])
        others.execute("SELECT 1 FROM ledger.account WHERE org_id = %s FOR UPDATE", [other])
        first = asyncio.create_task(patient.submit_many([hold(org_id, f"a{n}", 1) for n in range(APART)]))
        ahead = [hold(other, f"o{n}") for n in range(APART - 1)]
        second = asyncio.create_task(patient.submit_many([hold(org_id, "second", 10), *ahead]))
        assert await until(lambda: patient.heads.refuted == 1)
        ones.rollback()
        assert [type(outcome) for outcome in await first] == [Answer] * APART
        assert len(sent) == 2
        third = asyncio.create_task(patient.submit_many([hold(org_id, "third", 10), *behind]))
        await until(lambda: len(sent) == 3, 0.2)
        others.rollback()
    assert isinstance((await second)[0], Answer)
    assert isinstance((await third)[0], InsufficientCredits)


async def test_a_batch_for_which_a_connection_is_opened_does_not_overtake_one_that_fails_meanwhile(
    engine: Engine, database: TestDatabase
) -> None:
    org_id = await organization(engine)
    first = Batch([])
    first.sent = {org_id}  # when the next one was taken, but no more when it has its connection
    second, lines = Batch([], after=[first]), Lines(database.app_url)
    command = hold(org_id, "second")
    going = asyncio.create_task(Attempts(second, lines, engine.heads, None).once([command]))
    await asyncio.sleep(0)
    first.sent = ()
    await asyncio.sleep(0.2)
    assert not going.done()
    first.over.set()
    assert [type(outcome) for outcome in await going] == [Answer]
    await lines.close()


async def test_who_was_written_from_memory_does_not_wait_for_those_of_the_batch_that_are_loaded(
    engine: Engine, database: TestDatabase
) -> None:
    org_id, stuck = await organization(engine), await organization(engine)
    engine.heads.worth_apart = 2
    engine.heads.forget([stuck])
    with psycopg.connect(database.owner_url) as other:
        other.execute("SELECT 1 FROM ledger.account WHERE org_id = %s FOR UPDATE", [stuck])
        mixed = asyncio.create_task(engine.submit_many([hold(org_id, "a"), hold(org_id, "b"), hold(stuck, "c")]))
        assert await until(lambda: engine.heads.confirmed == 1)
        with pytest.raises(InsufficientCredits):  # which is told of what was loaded, after all that was before
            await asyncio.wait_for(engine.submit(hold(org_id, "too much", 1_000)), 2)
        assert not mixed.done()
    assert [type(outcome) for outcome in await mixed] == [Answer] * 3


@pytest.mark.parametrize("writes", [False, True])
async def test_who_was_held_up_by_a_writer_is_loaded_for_a_while_and_holds_up_nobody(
    engine: Engine, database: TestDatabase, *, writes: bool
) -> None:
    org_id = await organization(engine)
    with psycopg.connect(database.app_url) as other:
        run(other, execute_one(hold(org_id, "theirs")))
        held_up = asyncio.create_task(engine.submit(hold(org_id, "held up")))
        assert await until(lambda: engine.heads.refuted == 1)
        if writes:
            other.commit()
        else:
            other.rollback()
    await held_up
    await engine.submit(hold(org_id, "after"))
    assert engine.heads.confirmed == (0 if writes else 1)
