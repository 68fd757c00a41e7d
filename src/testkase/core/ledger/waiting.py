"""Commands that wait for a lane, and which of them are its next batch.

Two lanes of one queue overlap: one decides while the other waits for PostgreSQL. Each takes half of what is there, so
that they go on doing so, and an organization is in one batch at a time, so that its commands stay in order. As a batch
has a cost of its own, there is one at a time where there is little to do; but nobody waits for one that is held up,
where an organization is locked by somebody else.
"""

import asyncio
from collections import deque
from collections.abc import Iterable

from testkase.core.ledger.commands import Command
from testkase.core.ledger.operations import Outcome

MAX_BATCH = 512
"""Commands in one transaction. Larger batches cost no less per command and make the first of them wait longer."""

APART = 16
"""So many commands, waiting or under way, are worth two batches at a time."""

HELD_UP_SECONDS = 0.05
"""A batch that takes longer is waited for no more by what could be in one beside it."""

_LOOKED_AT = 2 * MAX_BATCH
"""How far into the queue a batch looks for organizations that are in no other."""

Waiting = tuple[Command, "asyncio.Future[Outcome]"]


class Queue:
    """The commands of one or two lanes, in the order in which they came."""

    def __init__(self, lanes: int) -> None:
        self.waiting: deque[Waiting] = deque()
        self.closed = False
        self._lanes = lanes
        self._under_way = 0
        """Commands in batches that are not done."""
        self._taken: set[int] = set()
        """Whose they are."""
        self._taken_at = 0.0
        """When the last of them was, on the loop's clock."""
        self._reminder: asyncio.TimerHandle | None = None
        self._idle: list[asyncio.Future[None]] = []
        """Lanes with nothing to do."""

    def put(self, one: Waiting) -> None:
        """Last in the queue. An idle lane looks, where it may find a batch."""
        self.waiting.append(one)
        if self._idle and one[0].org_id not in self._taken and self._may_begin():
            self._rouse()
        elif self._idle:
            self._remind()

    def _remind(self) -> None:
        """Have an idle lane look again, should the batch under way be held up by then."""
        if self.waiting and self._reminder is None:
            self._reminder = asyncio.get_running_loop().call_later(HELD_UP_SECONDS, self._look_again)

    def _look_again(self) -> None:
        self._reminder = None
        if self._idle and self.waiting and self._may_begin():
            self._rouse()
        elif self._idle:
            self._remind()

    def close(self) -> None:
        """Nothing comes any more: lanes that find nothing end."""
        self.closed = True
        while self._idle:
            self._rouse()

    async def next(self) -> list[Waiting]:
        """The next batch, as soon as there is one; say when it is `done`. Empty: there will be none."""
        while not (batch := self._take()):
            if self.closed and not self.waiting:
                return []
            idle = asyncio.get_running_loop().create_future()
            self._idle.append(idle)
            self._remind()
            await idle
            # Callers made ready by the same turn of the loop join this batch instead of waiting for the next.
            await asyncio.sleep(0)
        if self.waiting and self._idle:
            self._rouse()
        return batch

    def done(self, batch: Iterable[Waiting]) -> None:
        """It is answered. The lane whose it was looks for the next."""
        for command, _ in batch:
            self._under_way -= 1
            self._taken.discard(command.org_id)
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

    def _take(self) -> list[Waiting]:
        """The next batch; empty where there is none yet."""
        if not self.waiting or not self._may_begin():
            return []
        there = len(self.waiting) + self._under_way
        most = MAX_BATCH if there < APART else min(MAX_BATCH, -(-there // self._lanes))
        batch: list[Waiting] = []
        kept: list[Waiting] = []
        ours: set[int] = set()
        for _ in range(min(len(self.waiting), _LOOKED_AT)):
            one = self.waiting.popleft()
            org_id = one[0].org_id
            if len(batch) < MAX_BATCH if org_id in ours else len(batch) < most and org_id not in self._taken:
                batch.append(one)
                ours.add(org_id)
            else:
                kept.append(one)
        self.waiting.extendleft(reversed(kept))
        if batch:
            self._taken |= ours
            self._under_way += len(batch)
            self._taken_at = asyncio.get_running_loop().time()
        return batch
