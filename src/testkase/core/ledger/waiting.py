"""Commands that wait for a lane, and which of them are its next batch.

Two batches are under way at a time, or three: one is decided while PostgreSQL writes another. Each takes half of what
is there, so that they go on doing so. An organization may be in several that were sent, since they are written in that
order; while it is in one that is not sent, what else it asks for waits, so that its commands stay in order. As a batch
has a cost of its own, there is one at a time where there is little to do; but nobody waits for one that is held up,
where an organization is locked by somebody else.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Iterable, Sequence

from testkase.core.ledger.commands import Command
from testkase.core.ledger.operations import Outcome

MAX_BATCH = 128
"""Commands in one transaction. Larger batches cost hardly less a command, make the first of them wait longer, and what
they are about does not stay in the processor's caches."""

APART = 16
"""So many commands, waiting or under way, are worth two batches at a time."""

AT_A_TIME = 3
"""Batches of one queue under way at most: more than two only where two cannot take what is there."""

HELD_UP_SECONDS = 0.05
"""A batch that takes longer is waited for no more by what could be in one beside it."""

_LOOKED_AT = 1024
"""How far into the queue a batch looks for organizations that are in no other."""

Waiting = tuple[Command, "asyncio.Future[Outcome]", float]
"""What is asked for, who is told, and since when they wait (time.monotonic)."""


class Batch:
    """Commands that are written together."""

    __slots__ = ("after", "over", "sent", "waiting")

    def __init__(self, waiting: Sequence[Waiting], after: Iterable["Batch"] = ()) -> None:
        self.waiting = waiting
        self.after = [*after]
        """Batches under way that have an organization of this one and were sent: they come first."""
        self.sent: Collection[int] = ()
        """Organizations for which all was decided and is on its way: what they ask for next may follow."""
        self.over = asyncio.Event()
        """What was sent of it is written, or all of it is answered: nobody need wait for it."""

    @property
    def commands(self) -> list[Command]:
        return [command for command, _, _ in self.waiting]

    @property
    def since(self) -> float:
        """When what came last of it came."""
        return self.waiting[-1][2]

    def follows(self) -> bool:
        """Whether all it rests on is on its way, or was written. Where something was not, this one is not either, even
        if it has not heard so yet: what comes after it must wait for its end."""
        return all(one.sent and one.follows() for one in self.after)

    async def end_of_those_before(self) -> None:
        """Once nothing of them is to come that was asked for before this, whatever became of them."""
        while self.after:
            await self.after.pop().over.wait()


class Queue:
    """The commands of one lane, in the order in which they came. `knows`: whether what an organization asks for can be
    decided without loading."""

    def __init__(self, knows: Callable[[int], bool]) -> None:
        self.waiting: deque[Waiting] = deque()
        self.closed = False
        self._knows = knows
        self._under_way = 0
        """Commands in batches that are not done."""
        self._last: dict[int, Batch] = {}
        """Of every organization under way, the batch that took it last."""
        self._taken_at = 0.0
        """When the last batch was, on the loop's clock."""
        self._reminder: asyncio.TimerHandle | None = None
        self._idle: list[asyncio.Future[None]] = []
        """Writers with nothing to do."""

    def put(self, one: Waiting) -> None:
        """Last in the queue. An idle writer looks, where it may find a batch."""
        self.waiting.append(one)
        if self._idle and self._is_free(one[0].org_id) and self._may_begin():
            self._rouse()
        elif self._idle:
            self._remind()

    def _is_free(self, org_id: int) -> bool:
        """Whether what it asks for now may be in the next batch."""
        last = self._last.get(org_id)
        return last is None or (org_id in last.sent and last.follows())

    def _remind(self) -> None:
        """Have an idle writer look again, should the batch under way be held up by then."""
        if self.waiting and self._reminder is None:
            self._reminder = asyncio.get_running_loop().call_later(HELD_UP_SECONDS, self._look_again)

    def _look_again(self) -> None:
        self._reminder = None
        if self._idle and self.waiting and self._may_begin():
            self._rouse()
        elif self._idle:
            self._remind()

    def close(self) -> None:
        """Nothing comes any more: writers that find nothing end."""
        self.closed = True
        while self._idle:
            self._rouse()

    async def next(self) -> Batch | None:
        """The next batch, as soon as there is one; say when it is `done`. None: there will be none."""
        while (batch := self._take()) is None:
            if self.closed and not self.waiting:
                return None
            idle = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            self._remind()
            await idle
            # Callers made ready by the same turn of the loop join this batch instead of waiting for the next.
            await asyncio.sleep(0)
        if self.waiting and self._idle:
            self._rouse()
        return batch

    def done(self, batch: Batch) -> None:
        """It is answered. The writer whose it was looks for the next."""
        self._under_way -= len(batch.waiting)
        for command, _, _ in batch.waiting:
            if self._last.get(command.org_id) is batch:
                del self._last[command.org_id]
        batch.after.clear()  # which would keep all that ever came before
        batch.over.set()
        if self.closed:
            self.close()

    def _rouse(self) -> None:
        self._idle.pop().set_result(None)

    def _may_begin(self) -> bool:
        """Whether no batch is under way, or enough is waiting for one beside it (fewer had better go with the next), or
        that one is held up."""
        waiting, under_way = len(self.waiting), self._under_way
        if not under_way or (waiting + under_way >= APART and 2 * waiting >= under_way):
            return True
        return asyncio.get_running_loop().time() - self._taken_at > HELD_UP_SECONDS

    def _take(self) -> Batch | None:
        """The next batch; None where there is none yet."""
        if not self.waiting or not self._may_begin():
            return None
        there = len(self.waiting) + self._under_way
        most = min(MAX_BATCH, there if there < APART else -(-there // 2))
        taken: list[Waiting] = []
        kept: list[Waiting] = []
        after: dict[Batch, None] = {}
        ours: set[int] = set()
        looked_at = min(len(self.waiting), _LOOKED_AT)
        while looked_at and len(taken) < most:
            looked_at -= 1
            org_id = self.waiting[0][0].org_id
            if org_id not in ours and self._is_free(org_id):
                ours.add(org_id)
                if (last := self._last.get(org_id)) is not None:
                    after[last] = None
            (taken if org_id in ours else kept).append(self.waiting.popleft())
        # What must be loaded is loaded once for all that it asks for.
        together = {org_id for org_id in ours if not self._knows(org_id)}
        while together and looked_at and len(taken) < MAX_BATCH:
            looked_at -= 1
            (taken if self.waiting[0][0].org_id in together else kept).append(self.waiting.popleft())
        self.waiting.extendleft(reversed(kept))
        if not taken:
            return None
        batch = Batch(taken, after)
        for command, _, _ in taken:
            self._last[command.org_id] = batch
        self._under_way += len(taken)
        self._taken_at = asyncio.get_running_loop().time()
        return batch
