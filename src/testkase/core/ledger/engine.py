"""Group commit: the asynchronous way into the ledger.

A lane's writers take whatever commands have queued while earlier batches were being written — there is no timer, so an
idle engine answers at once — and each executes them as one batch: decided from memory and sent in one round trip where
its organizations are known (heads.py), else locked and loaded in one, decided, written and committed in the next. Row
lock and disk flush are paid once a batch, which is why an organization everybody uses is as cheap as ten thousand that
share the load. What is decided from memory does not wait for what is still being written (docs/decisions/0019).

Any number of processes may run engines against the same rows; nothing depends on this memory being right. A caller that
gives up only cancels its own future. A command that fails, fails alone. An error of the connection does not mean that
the batch did not happen: it is executed again with the same ids, and answers what was stored if it had.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

import psycopg
import structlog

from testkase.core.ledger.attempts import Attempts
from testkase.core.ledger.commands import Command
from testkase.core.ledger.heads import CLOCKS_APART, Heads
from testkase.core.ledger.lanes import lane_of
from testkase.core.ledger.lines import Lines
from testkase.core.ledger.neighbour import Neighbour
from testkase.core.ledger.neighbours import Neighbours
from testkase.core.ledger.operations import Answer, Outcome
from testkase.core.ledger.waiting import AT_A_TIME, Batch, Queue, Waiting
from testkase.foundation.problems import Problem, Unavailable

MAX_QUEUE = 20_000
"""Commands waiting in one queue before new ones are turned away."""

RETRY_SECONDS = 10.0
"""How long a batch is tried again while the database is unreachable, counted from when its callers asked: they may have
waited for others to give up. Then they are told that the outcome is unknown."""

_log = structlog.get_logger(__name__)


class Engine:
    """Submit commands from any number of tasks of one event loop."""

    def __init__(
        self,
        database_url: str,
        *,
        lanes: int = 1,
        clock: Callable[[], int] | None = None,
        neighbours: Neighbours | None = None,
    ) -> None:
        self.heads = Heads()
        self._lanes = [_Lane(database_url, self.heads, clock) for _ in range(lanes)]
        self._neighbours = neighbours
        self._stopping = False

    async def start(self) -> None:
        """Connect every lane. Raises psycopg.OperationalError when the database cannot be reached."""
        await asyncio.gather(*(lane.start() for lane in self._lanes))
        if self._neighbours is not None:
            await self._neighbours.open(self._take, self._give_back)

    async def stop(self) -> None:
        """Finish what is queued, then close. New commands are turned away."""
        self._stopping = True
        if self._neighbours is not None:
            await self._neighbours.leave()
        await asyncio.gather(*(lane.stop() for lane in self._lanes))
        if self._neighbours is not None:
            await self._neighbours.close()

    async def submit(self, command: Command) -> Answer:
        """Execute one command durably. Raises its refusal, or Unavailable when it may or may not have happened."""
        outcome = await self._enqueue(command)
        if isinstance(outcome, Problem):
            raise outcome
        return outcome

    async def submit_many(self, commands: Sequence[Command]) -> list[Outcome]:
        """Execute many commands; each answers or is refused on its own, in the order given."""
        return list(await asyncio.gather(*(self._enqueue(command) for command in commands)))

    def _enqueue(self, command: Command) -> "asyncio.Future[Outcome]":
        """Here, or by the neighbour that writes for the organization."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        waiting = (command, future, time.monotonic())
        owner = self._owner(command.org_id)
        if owner is not None and not self._stopping and len(owner.asked) < MAX_QUEUE:
            owner.ask(waiting)
        elif owner is not None or not self._put(waiting):
            future.set_result(Unavailable("The ledger is busy or stopping. Repeat the call with the same id."))
        return future

    def _owner(self, org_id: int) -> Neighbour | None:
        """The neighbour that writes for an organization that others write to; None: this engine does."""
        if self._neighbours is None or not self.heads.is_shared(org_id):
            return None
        return self._neighbours.owner(org_id)

    def _put(self, waiting: Waiting) -> bool:
        """In the queue of its lane, where there is room."""
        queue = self._lanes[lane_of(waiting[0].org_id, len(self._lanes))].queue
        if self._stopping or len(queue.waiting) >= MAX_QUEUE:
            return False
        queue.put(waiting)
        return True

    def _take(self, command: Command, since: float) -> "asyncio.Future[Outcome] | None":
        """What a neighbour asks."""
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        return future if self._put((command, future, since)) else None

    def _give_back(self, waiting: Waiting, perhaps_done: bool) -> None:
        """What a neighbour left undone, or may have done: here, with the same id, also while this engine stops."""
        command, future, since = waiting
        queue = self._lanes[lane_of(command.org_id, len(self._lanes))].queue
        if not perhaps_done:
            queue.put(waiting)
            return
        again: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

        def tell(done: "asyncio.Future[Outcome]") -> None:
            if not future.done():
                future.set_result(self._told_again(done.result(), since))

        again.add_done_callback(tell)
        queue.put((command, again, since))

    def _told_again(self, outcome: Outcome, since: float) -> Outcome:
        """What a neighbour has written since this was asked is no repetition by the caller. Where the clocks leave it
        open it is taken for none: a call made twice is charged once, one that is made by nobody holds its credits. And
        what it may still accept is not refused."""
        if not isinstance(outcome, Answer):
            return _unknown()
        asked_at = self.heads.at(since)
        if asked_at is None or outcome.entry.at < asked_at - CLOCKS_APART:
            return outcome
        return Answer(entry=outcome.entry, replayed=False)


class _Lane:
    """A queue, the connections on which it is written, and its writers: as many as batches may be under way."""

    def __init__(self, database_url: str, heads: Heads, clock: Callable[[], int] | None) -> None:
        self.queue = Queue(heads.knows)
        self._lines = Lines(database_url)
        self._heads = heads
        self._clock = clock
        self._writers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        await self._lines.open()
        self._writers = [asyncio.create_task(self._write(), name="ledger-writer") for _ in range(AT_A_TIME)]

    async def stop(self) -> None:
        self.queue.close()
        await asyncio.gather(*self._writers)
        await self._lines.close()

    async def _write(self) -> None:
        while batch := await self.queue.next():
            outcomes = await self._run(batch)
            for (_, future, _), outcome in zip(batch.waiting, outcomes, strict=True):
                if not future.done():
                    future.set_result(outcome)
            self.queue.done(batch)
            await asyncio.sleep(0)  # callers who ask again at once are counted in

    async def _run(self, batch: Batch) -> list[Outcome]:
        """The outcome of every command of a batch, whatever happens to the batch as a whole."""
        commands = batch.commands
        attempts = Attempts(batch, self._lines, self._heads, self._clock)
        deadline = batch.since + RETRY_SECONDS
        pause, again = 0.02, False
        while True:
            try:
                return _first_told(await attempts.once(commands), attempts.decided[:-1])
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                _log.warning("ledger_batch_failed", error=type(error).__name__, commands=len(commands))
                if isinstance(error, psycopg.errors.LockNotAvailable | psycopg.errors.QueryCanceled):
                    return await self._apart(attempts, commands)
                if again and time.monotonic() > deadline:
                    return [_unknown() for _ in commands]
                await asyncio.sleep(pause)
                pause, again = min(pause * 2, 1.0), True  # once at least, on another connection
            except Exception:  # noqa: BLE001 - whatever it is, every caller of the batch gets an answer
                _log.exception("ledger_batch_undone", commands=len(commands))
                return await self._apart(attempts, commands)

    async def _apart(self, attempts: Attempts, commands: Sequence[Command]) -> list[Outcome]:
        """The batch was undone: each organization on its own, then each command, so that only the guilty one fails."""
        earlier = list(attempts.decided)
        groups: dict[int, list[int]] = {}
        for index, command in enumerate(commands):
            groups.setdefault(command.org_id, []).append(index)
        outcomes: dict[int, Outcome] = {}
        for group in groups.values():
            for part in [group] if len(groups) > 1 else [[index] for index in group]:
                found = await self._try(attempts, [commands[index] for index in part])
                outcomes.update(zip(part, found, strict=True))
        return _first_told([outcomes[index] for index in range(len(commands))], earlier)

    async def _try(self, attempts: Attempts, commands: list[Command]) -> list[Outcome]:
        before = len(attempts.decided)
        try:
            return await attempts.once(commands)
        except psycopg.errors.LockNotAvailable:
            return [_unknown() for _ in commands]
        except Exception:  # noqa: BLE001 - whatever it is, only the guilty command may fail
            if len(commands) == 1:
                _log.exception("ledger_command_failed", command=type(commands[0]).__name__)
                return [_unknown()]
            earlier = attempts.decided[before:]
            return _first_told(
                [outcome for command in commands for outcome in await self._try(attempts, [command])], earlier
            )


def _first_told(outcomes: list[Outcome], earlier: list[list[Outcome | None]]) -> list[Outcome]:
    """An answer stored by an earlier attempt at the same batch, its commit unheard, is no repetition by the caller. And
    what that attempt had accepted is not refused: decided from memory, it may still arrive."""

    def told(index: int, outcome: Outcome) -> Outcome:
        before = [one for attempt in earlier if isinstance(one := attempt[index], Answer)]
        if isinstance(outcome, Answer):
            ours = (one for one in before if not one.replayed and one.entry.hash == outcome.entry.hash)
            return next(ours, outcome)  # what is loaded lacks its usage
        return _unknown() if before else outcome

    return [told(index, outcome) for index, outcome in enumerate(outcomes)] if earlier else outcomes


def _unknown() -> Unavailable:
    return Unavailable("Whether this was recorded is not known. Repeat the call with the same id to find out.")
