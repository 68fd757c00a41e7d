"""Group commit: the asynchronous way into the ledger.

A lane is one connection and one writer task. The writer takes whatever commands have queued while its previous
transaction was committing — there is no timer, so an idle engine answers at once — and executes them as one batch:
decided from memory and written in one round trip where its organizations are known (heads.py), else locked and loaded
in one, decided, written and committed in the next. Row lock and disk flush are paid once a batch, which is why an
organization everybody uses is as cheap as ten thousand that share the load. Where there are two lanes they share the
queue: one decides while the other waits for PostgreSQL (waiting.py).

Any number of processes may run engines against the same rows; nothing depends on this memory being right. A caller that
gives up only cancels its own future. A command that fails, fails alone. An error of the connection does not mean that
the batch did not happen: it is executed again with the same ids, and answers what was stored if it had.
"""

import asyncio
import time
from collections.abc import Callable, Sequence

import msgspec
import psycopg
import structlog

from testkase.core.ledger.attempts import Attempts
from testkase.core.ledger.commands import Command
from testkase.core.ledger.heads import Heads
from testkase.core.ledger.lanes import lane_of
from testkase.core.ledger.operations import Answer, Outcome
from testkase.core.ledger.waiting import Queue, Waiting
from testkase.foundation.problems import Problem, Unavailable

MAX_QUEUE = 20_000
"""Commands waiting in one queue before new ones are turned away."""

SHARING = 2
"""So many lanes at most share one queue."""

SILENCE_SECONDS = 8.0
"""How long one attempt may take. Longer than PostgreSQL itself waits for a lock or works on a statement."""

RETRY_SECONDS = 10.0
"""How long a batch is tried again while the database is unreachable; then its callers are told that the outcome is
unknown."""

_log = structlog.get_logger(__name__)


class Engine:
    """Submit commands from any number of tasks of one event loop."""

    def __init__(self, database_url: str, *, lanes: int = 1, clock: Callable[[], int] | None = None) -> None:
        self.heads = Heads()
        sharing = lanes if lanes <= SHARING else 1  # more of them stand for servers, whose batches are kept apart
        self._queues = [Queue(sharing) for _ in range(lanes // sharing)]
        self._lanes = [
            _Lane(Attempts(database_url, clock, self.heads), queue) for queue in self._queues for _ in range(sharing)
        ]

    async def start(self) -> None:
        """Connect every lane. Raises psycopg.OperationalError when the database cannot be reached."""
        await asyncio.gather(*(lane.start() for lane in self._lanes))

    async def stop(self) -> None:
        """Finish what is queued, then close. New commands are turned away."""
        await asyncio.gather(*(lane.stop() for lane in self._lanes))

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
        queue = self._queues[lane_of(command.org_id, len(self._queues))]
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        if queue.closed or len(queue.waiting) >= MAX_QUEUE:
            future.set_result(Unavailable("The ledger is busy or stopping. Repeat the call with the same id."))
        else:
            queue.put((command, future))
        return future


class _Lane:
    def __init__(self, attempts: Attempts, queue: Queue) -> None:
        self._attempts = attempts
        self._queue = queue
        self._writer: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._attempts.connected()
        self._writer = asyncio.create_task(self._write(), name="ledger-writer")

    async def stop(self) -> None:
        self._queue.close()
        if self._writer is not None:
            await self._writer
        await self._attempts.disconnect()

    async def _write(self) -> None:
        while batch := await self._queue.next():
            outcomes = await self._run(batch)
            for (_, future), outcome in zip(batch, outcomes, strict=True):
                if not future.done():
                    future.set_result(outcome)
            self._queue.done(batch)
            await asyncio.sleep(0)  # callers who ask again at once are counted in

    async def _run(self, batch: list[Waiting]) -> list[Outcome]:
        """The outcome of every command of a batch, whatever happens to the batch as a whole."""
        commands = [command for command, _ in batch]
        deadline = time.monotonic() + RETRY_SECONDS
        pause = 0.02
        self._attempts.begin()
        while True:
            try:
                return _first_told(await self._transaction(commands), self._attempts.decided[:-1])
            except (psycopg.OperationalError, psycopg.InterfaceError) as error:
                _log.warning("ledger_batch_failed", error=type(error).__name__, commands=len(commands))
                await self._attempts.disconnect()
                if isinstance(error, psycopg.errors.LockNotAvailable | psycopg.errors.QueryCanceled):
                    return await self._apart(commands)
                if time.monotonic() > deadline:
                    return [_unknown() for _ in commands]
                await asyncio.sleep(pause)
                pause = min(pause * 2, 1.0)
            except Exception:  # noqa: BLE001 - whatever it is, every caller of the batch gets an answer
                _log.exception("ledger_batch_undone", commands=len(commands))
                await self._attempts.disconnect()
                return await self._apart(commands)

    async def _apart(self, commands: Sequence[Command]) -> list[Outcome]:
        """The batch was undone: each organization on its own, then each command, so that only the guilty one fails."""
        earlier = list(self._attempts.decided)
        groups: dict[int, list[Command]] = {}
        for command in commands:
            groups.setdefault(command.org_id, []).append(command)
        outcomes: dict[int, Outcome] = {}
        for group in groups.values():
            for part in [group] if len(groups) > 1 else [[command] for command in group]:
                found = await self._try(part)
                outcomes.update(zip(map(id, part), found, strict=True))
        return _first_told([outcomes[id(command)] for command in commands], earlier)

    async def _try(self, commands: list[Command]) -> list[Outcome]:
        before = len(self._attempts.decided)
        try:
            return await self._transaction(commands)
        except psycopg.errors.LockNotAvailable:
            await self._attempts.disconnect()
            return [_unknown() for _ in commands]
        except Exception:  # noqa: BLE001 - whatever it is, only the guilty command may fail
            await self._attempts.disconnect()
            if len(commands) == 1:
                _log.exception("ledger_command_failed", command=type(commands[0]).__name__)
                return [_unknown()]
            earlier = self._attempts.decided[before:]
            return _first_told([outcome for command in commands for outcome in await self._try([command])], earlier)

    async def _transaction(self, commands: Sequence[Command]) -> list[Outcome]:
        """One attempt. A database that says nothing is treated like one that is gone: callers must not hang with it."""
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                return await self._attempts.once(commands)
        except TimeoutError:
            raise psycopg.OperationalError("PostgreSQL did not answer in time") from None


def _first_told(outcomes: list[Outcome], earlier: list[list[Outcome | None]]) -> list[Outcome]:
    """An answer stored by an earlier attempt at the same batch, its commit unheard, is no repetition by the caller. And
    what that attempt had accepted is not refused: decided from memory, it may still arrive."""

    def told(index: int, outcome: Outcome) -> Outcome:
        before = [one for attempt in earlier if isinstance(one := attempt[index], Answer)]
        if isinstance(outcome, Answer):
            first = (one.entry.hash for one in before if not one.replayed)
            ours = outcome.replayed and outcome.entry.hash in first
            return msgspec.structs.replace(outcome, replayed=False) if ours else outcome
        return _unknown() if before else outcome

    return [told(index, outcome) for index, outcome in enumerate(outcomes)] if earlier else outcomes


def _unknown() -> Unavailable:
    return Unavailable("Whether this was recorded is not known. Repeat the call with the same id to find out.")
