"""Lanes: two share a queue; of more, each has the organizations of a range into which Citus would hash them."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from typing import Any

import psycopg
import pytest

from testkase.core.ledger.commands import Command, Grant
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.lanes import hash_of, lane_of
from testkase.core.ledger.operations import Answer
from testkase.core.ledger.queries import balance
from testkase.core.ledger.waiting import APART
from testkase.foundation.database import SyncDatabase
from tests.support.cluster import TestDatabase
from tests.support.ledger import fresh_org, hold, open_account, settle

RANDOM = random.Random(7)
NUMBERS = [0, 1, 2, 31, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, *(RANDOM.randrange(2**63) for _ in range(5_000))]


def test_the_hash_is_the_databases_own(module_database: TestDatabase) -> None:
    with psycopg.connect(module_database.owner_url) as connection:
        rows = connection.execute("SELECT n, hashint8(n) FROM unnest(%s::bigint[]) AS n", [NUMBERS]).fetchall()
    assert {number: hash_of(number) for number, _ in rows} == dict(rows)


@pytest.mark.parametrize("lanes", [1, 2, 7, 32, 128])
def test_lanes_are_equal_ranges_of_the_hash_and_all_are_used(lanes: int) -> None:
    width = 2**32 / lanes
    taken = {number: lane_of(number, lanes) for number in NUMBERS}
    assert set(taken.values()) == set(range(lanes))
    if lanes in {1, 2, 32, 128}:  # as Citus cuts them
        assert all(lane == int((hash_of(number) + 2**31) // width) for number, lane in taken.items())


async def test_many_lanes_keep_the_books_as_one_does(database: TestDatabase) -> None:
    orgs = [fresh_org() for _ in range(24)]
    engine = Engine(database.app_url, lanes=4)
    await engine.start()
    await engine.submit_many([open_account(org) for org in orgs])
    gifts = [Grant(org_id=org, grant_id=f"g{turn}", amount=MICRO) for turn in range(20) for org in orgs]
    answers = await asyncio.gather(*(engine.submit(gift) for gift in gifts), *(engine.submit(gift) for gift in gifts))
    await engine.stop()
    assert sum(answer.replayed for answer in answers) == len(gifts)
    reading = SyncDatabase(database.app_url)
    assert {reading.read(balance(org), org_id=org).available for org in orgs} == {(300 + 20) * MICRO}
    reading.close()


@pytest.fixture
async def batches(database: TestDatabase, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Engine, list[int]]]:
    """An engine of two lanes, and how many commands each of its batches had."""
    engine, sizes = Engine(database.app_url, lanes=2), list[int]()
    await engine.start()
    for lane in engine._lanes:
        monkeypatch.setattr(lane, "_transaction", _counted(lane._transaction, sizes))
    yield engine, sizes
    await engine.stop()


def _counted(carry_out: Any, sizes: list[int]) -> Any:
    async def count(commands: Sequence[Command]) -> Any:
        sizes.append(len(commands))
        return await carry_out(commands)

    return count


async def test_two_lanes_with_little_to_do_do_it_together(batches: tuple[Engine, list[int]]) -> None:
    engine, sizes = batches
    await engine.submit_many([open_account(fresh_org()) for _ in range(APART - 1)])
    assert sizes == [APART - 1]


async def test_two_lanes_with_much_to_do_do_it_side_by_side(batches: tuple[Engine, list[int]]) -> None:
    engine, sizes = batches
    await engine.submit_many([open_account(fresh_org()) for _ in range(APART)])
    assert sizes == [APART // 2, APART // 2]


async def test_what_one_organization_asks_for_is_one_batch_however_much_it_is(
    batches: tuple[Engine, list[int]],
) -> None:
    engine, sizes = batches
    org_id = fresh_org()
    await engine.submit(open_account(org_id))
    await engine.submit_many([hold(org_id, f"h{number}", 1) for number in range(2 * APART)])
    assert sizes == [1, 2 * APART]


async def test_what_comes_for_an_organization_while_the_other_lane_has_it_comes_after(
    batches: tuple[Engine, list[int]],
) -> None:
    engine, sizes = batches
    orgs = [fresh_org() for _ in range(24)]
    await engine.submit_many([open_account(org) for org in orgs])
    assert len(sizes) == 2
    rounds = []
    for turn in range(10):
        commands = [command for org in orgs for command in (hold(org, f"h{turn}"), settle(org, f"h{turn}", 1))]
        rounds.append(asyncio.create_task(engine.submit_many(commands)))
        await asyncio.sleep(0)
    outcomes = [outcome for answers in await asyncio.gather(*rounds) for outcome in answers]
    assert all(isinstance(outcome, Answer) for outcome in outcomes), "no settlement came before its hold"
    assert sum(sizes) == 24 * 21


async def test_stopping_two_lanes_finishes_what_both_have_queued(database: TestDatabase) -> None:
    engine = Engine(database.app_url, lanes=2)
    await engine.start()
    async with asyncio.TaskGroup() as tasks:
        opened = tasks.create_task(engine.submit_many([open_account(fresh_org()) for _ in range(24)]))
        await asyncio.sleep(0)
        await engine.stop()
    assert all(isinstance(outcome, Answer) for outcome in opened.result())


async def test_an_organization_locked_elsewhere_holds_up_no_other_that_asks_after_it(database: TestDatabase) -> None:
    engine, stuck, free = Engine(database.app_url, lanes=2), fresh_org(), fresh_org()
    await engine.start()
    await engine.submit_many([open_account(stuck), open_account(free)])
    with psycopg.connect(database.owner_url) as other:
        other.execute("SELECT 1 FROM ledger.account WHERE org_id = %s FOR UPDATE", [stuck])
        waits = asyncio.create_task(engine.submit(hold(stuck, "waits")))
        while other.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone() is None:
            await asyncio.sleep(0.01)
        await engine.submit(hold(free, "goes"))
        assert not waits.done()
    assert (await waits).entry.kind == "hold"
    await engine.stop()
