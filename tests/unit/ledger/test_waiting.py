"""The queue of two lanes: what they take, in which order, and that none of it stays behind."""

import asyncio
import random
from collections import Counter

import pytest

from testkase.core.ledger import waiting as queues
from testkase.core.ledger.commands import Command, VoidHold
from testkase.core.ledger.waiting import APART, MAX_BATCH, Queue, Waiting

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def held_up_seconds(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine that is held up itself is no batch that is."""
    monkeypatch.setattr(queues, "HELD_UP_SECONDS", 1_000)
    return monkeypatch


def asked(org_id: int, number: int = 0) -> Waiting:
    return VoidHold(org_id=org_id, hold_id=str(number)), asyncio.get_running_loop().create_future()


def orgs(batch: list[Waiting]) -> list[int]:
    return [command.org_id for command, _ in batch]


def filled(lanes: int, *org_ids: int) -> Queue:
    queue = Queue(lanes)
    for number, org_id in enumerate(org_ids):
        queue.put(asked(org_id, number))
    return queue


class Lanes:
    """Lanes that take their time, by a die, and write down what they were given."""

    def __init__(self, queue: Queue, dice: random.Random) -> None:
        self.queue, self.dice = queue, dice
        self.busy: Counter[int] = Counter()
        self.seen: list[Command] = []

    async def work(self) -> None:
        while batch := await self.queue.next():
            mine = set(orgs(batch))
            self.busy.update(mine)
            assert max(self.busy.values()) == 1, "an organization is in one batch at a time"
            assert len(batch) <= MAX_BATCH
            for _ in range(self.dice.randrange(12)):
                await asyncio.sleep(0)
            self.seen += [command for command, _ in batch]
            self.busy.subtract(mine)
            self.queue.done(batch)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("lanes", [1, 2])
async def test_everything_is_taken_once_and_in_the_order_of_its_organization(seed: int, lanes: int) -> None:
    dice = random.Random(seed)
    queue = Queue(lanes)
    working = Lanes(queue, dice)
    tasks = [asyncio.create_task(working.work()) for _ in range(lanes)]
    given = []
    for number in range(dice.choice([40, 400, 3_000])):
        one = asked(dice.choice([1, dice.randrange(1, 5), dice.randrange(1, 500)]), number)
        given.append(one[0])
        queue.put(one)
        if dice.random() < 0.1:
            await asyncio.sleep(0)
    queue.close()
    await asyncio.wait_for(asyncio.gather(*tasks), 60)
    for org_id in {command.org_id for command in given}:
        assert [one for one in working.seen if one.org_id == org_id] == [one for one in given if one.org_id == org_id]
    assert len(working.seen) == len(given)


async def test_few_commands_are_one_batch_and_many_are_two() -> None:
    few = filled(2, *range(APART - 1))
    assert len(await few.next()) == APART - 1
    many = filled(2, *range(APART))
    assert [orgs(await many.next()), orgs(await many.next())] == [[*range(APART // 2)], [*range(APART // 2, APART)]]


async def test_what_one_organization_asks_for_goes_along_with_its_first() -> None:
    queue = filled(2, *[7] * APART, *range(8, 8 + APART))
    assert orgs(await queue.next()) == [7] * APART
    assert orgs(await queue.next()) == [*range(8, 8 + APART)]


async def test_a_single_lane_takes_all_there_is_up_to_a_batch() -> None:
    queue = filled(1, *range(MAX_BATCH + 1))
    first = await queue.next()
    queue.done(first)
    assert (len(first), orgs(await queue.next())) == (MAX_BATCH, [MAX_BATCH])


async def test_too_few_for_a_batch_beside_another_wait_for_its_end() -> None:
    queue = filled(2, *range(APART))
    first, second = await queue.next(), await queue.next()
    waiting = asyncio.create_task(queue.next())
    queue.put(asked(99))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    queue.done(first)
    assert queue.waiting, "it is the lane's own turn to look"
    queue.done(second)
    assert orgs(await queue.next()) == [99]
    queue.close()
    assert await waiting == []


async def test_nobody_waits_for_a_batch_that_is_held_up_but_its_own_organization(
    held_up_seconds: pytest.MonkeyPatch,
) -> None:
    held_up_seconds.setattr(queues, "HELD_UP_SECONDS", 0.3)
    queue = filled(2, 1)
    held_up = await queue.next()
    waiting = asyncio.create_task(queue.next())
    await asyncio.sleep(0)
    queue.put(asked(1, 1))
    queue.put(asked(2))
    assert orgs(await asyncio.wait_for(waiting, 60)) == [2]
    queue.done(held_up)
    assert orgs(await queue.next()) == [1]


async def test_a_lane_waits_for_the_organization_that_another_lane_has_and_ends_with_it() -> None:
    """Closed while all that waits is another's: whoever is idle is told when that is over."""
    queue = filled(2, *range(APART))
    first, _ = await queue.next(), await queue.next()
    for number in range(APART):
        queue.put(asked(0, number))
    waiting = asyncio.create_task(queue.next())
    await asyncio.sleep(0)
    queue.close()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not waiting.done()
    queue.done(first)
    assert orgs(await waiting) == [0] * APART
