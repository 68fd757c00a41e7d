"""The queue of a lane: what its writers take, in which order, and that none of it stays behind."""

import asyncio
import random
from collections import Counter

import pytest

from testkase.core.ledger import waiting as queues
from testkase.core.ledger.commands import Command, VoidHold
from testkase.core.ledger.waiting import APART, AT_A_TIME, MAX_BATCH, Batch, Queue, Waiting

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def held_up_seconds(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """A machine that is held up itself is no batch that is."""
    monkeypatch.setattr(queues, "HELD_UP_SECONDS", 1_000)
    return monkeypatch


def asked(org_id: int, number: int = 0) -> Waiting:
    return VoidHold(org_id=org_id, hold_id=str(number)), asyncio.get_running_loop().create_future(), 0.0


def orgs(batch: Batch | None) -> list[int]:
    assert batch is not None
    return [command.org_id for command in batch.commands]


async def taken(queue: Queue) -> Batch:
    """The next batch, which is there."""
    async with asyncio.timeout(60):
        batch = await queue.next()
    assert batch is not None
    return batch


def filled(*org_ids: int, known: bool = False) -> Queue:
    queue = Queue(lambda _: known)
    for number, org_id in enumerate(org_ids):
        queue.put(asked(org_id, number))
    return queue


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Writers:
    """Writers that take their time, by a die, and write down what they were given. Some of it they send at once, one
    behind the other; what turns out to be stale is loaded after all that came before, as the rest is."""

    def __init__(self, queue: Queue, dice: random.Random) -> None:
        self.queue, self.dice = queue, dice
        self.loading: Counter[int] = Counter()
        self.seen: list[Command] = []
        self.line = asyncio.Lock()
        self.stale: set[Batch] = set()

    async def work(self) -> None:
        while batch := await self.queue.next():
            assert len(batch.waiting) <= MAX_BATCH
            batch.sent = {*orgs(batch)} if self.dice.random() < 0.7 else ()
            if batch.sent:
                below = [*batch.after]
                async with self.line:  # one behind the other
                    await self.pause()
                    if self.dice.random() < 0.2 or not self.stale.isdisjoint(below):
                        self.stale.add(batch)
                        batch.sent = ()
            if not batch.sent:
                await self.load(batch)
            self.seen += batch.commands
            self.queue.done(batch)

    async def load(self, batch: Batch) -> None:
        await batch.end_of_those_before()
        mine = set(orgs(batch))
        self.loading.update(mine)
        assert max(self.loading.values()) == 1, "an organization is loaded by one batch at a time"
        await self.pause()
        self.loading.subtract(mine)

    async def pause(self) -> None:
        for _ in range(self.dice.randrange(12)):
            await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("known", [False, True])
async def test_everything_is_taken_once_and_in_the_order_of_its_organization(seed: int, known: bool) -> None:
    dice = random.Random(seed)
    queue = Queue(lambda org_id: known and org_id % 3 != 0)
    writers = Writers(queue, dice)
    tasks = [asyncio.create_task(writers.work()) for _ in range(AT_A_TIME)]
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
        assert [one for one in writers.seen if one.org_id == org_id] == [one for one in given if one.org_id == org_id]
    assert len(writers.seen) == len(given)


async def test_few_commands_are_one_batch_and_many_are_two() -> None:
    assert len(orgs(await taken(filled(*range(APART - 1))))) == APART - 1
    many = filled(*range(APART))
    assert [orgs(await taken(many)) for _ in range(2)] == [[*range(APART // 2)], [*range(APART // 2, APART)]]


async def test_there_is_another_beside_two_where_they_cannot_take_what_is_there() -> None:
    queue = filled(*range(3 * MAX_BATCH))
    assert [len(orgs(await taken(queue))) for _ in range(3)] == [MAX_BATCH] * 3


async def test_what_must_be_loaded_goes_along_with_the_first_its_organization_asks_for() -> None:
    queue = filled(*[7] * APART, *range(8, 8 + APART))
    assert orgs(await taken(queue)) == [7] * APART
    assert orgs(await taken(queue)) == [*range(8, 8 + APART)]


async def test_what_is_known_is_shared_out_like_the_rest_and_comes_after_what_was_sent() -> None:
    queue = filled(*[7] * APART, known=True)
    first = await taken(queue)
    first.sent = {7}
    second = await taken(queue)
    assert (orgs(first), orgs(second)) == ([7] * (APART // 2), [7] * (APART // 2))
    assert (first.after, second.after) == ([], [first])
    coming = asyncio.create_task(second.end_of_those_before())
    await turns()
    assert not coming.done()
    queue.done(first)
    await coming


async def test_a_batch_that_is_not_sent_has_its_organizations_for_itself() -> None:
    queue = filled(*[7] * APART, *[8] * APART, known=True)
    first, second = await taken(queue), await taken(queue)
    assert (orgs(first), orgs(second)) == ([7] * APART, [8] * APART)
    for number in range(APART):
        queue.put(asked(7, number))
    waiting = asyncio.create_task(queue.next())
    await turns()
    assert not waiting.done()
    first.sent = {7}
    queue.put(asked(7, APART))
    assert orgs(await waiting)[0] == 7


async def test_a_batch_is_never_larger_than_the_largest() -> None:
    queue = filled(*[7] * (MAX_BATCH + 1))
    first = await taken(queue)
    queue.done(first)
    assert orgs(await taken(queue)) == [7]


async def test_too_few_for_a_batch_beside_others_wait_for_their_end() -> None:
    queue = filled(*range(APART))
    first, second = await taken(queue), await taken(queue)
    waiting = asyncio.create_task(queue.next())
    queue.put(asked(99))
    await turns()
    assert not waiting.done()
    queue.done(first)
    assert queue.waiting, "it is the writer's own turn to look"
    queue.done(second)
    assert orgs(await taken(queue)) == [99]
    queue.close()
    assert await waiting is None


async def test_nobody_waits_for_a_batch_that_is_held_up_but_its_own_organization(
    held_up_seconds: pytest.MonkeyPatch,
) -> None:
    held_up_seconds.setattr(queues, "HELD_UP_SECONDS", 0.3)
    queue = filled(1)
    held_up = await taken(queue)
    waiting = asyncio.create_task(queue.next())
    await asyncio.sleep(0)
    queue.put(asked(1, 1))
    queue.put(asked(2))
    assert orgs(await asyncio.wait_for(waiting, 60)) == [2]
    queue.done(held_up)
    assert orgs(await taken(queue)) == [1]


async def test_a_writer_waits_for_the_organization_that_another_has_and_ends_with_it() -> None:
    """Closed while all that waits is another's: whoever is idle is told when that is over."""
    queue = filled(*range(APART))
    first, _ = await taken(queue), await taken(queue)
    for number in range(APART):
        queue.put(asked(0, number))
    waiting = asyncio.create_task(queue.next())
    await asyncio.sleep(0)
    queue.close()
    await turns()
    assert not waiting.done()
    queue.done(first)
    assert orgs(await waiting) == [0] * APART


async def test_what_rests_on_what_was_not_written_has_its_organizations_for_itself() -> None:
    queue = filled(*[7] * APART, known=True)
    first = await taken(queue)
    first.sent = {7}
    second = await taken(queue)
    second.sent = {7}
    first.sent = ()
    queue.done(first)
    assert second.after == [first]
    for number in range(APART):
        queue.put(asked(7, number))
    waiting = asyncio.create_task(queue.next())
    await turns()
    assert not waiting.done(), "the second has not heard yet that it was not written either"
    queue.done(second)
    assert orgs(await taken(queue))[0] == 7
    waiting.cancel()
