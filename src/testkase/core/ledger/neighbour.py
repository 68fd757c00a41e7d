"""The two ends of a connection between engines of one machine: whoever asks, and whoever writes for it."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import cast

import msgspec
import structlog

from testkase.core.ledger.commands import Command
from testkase.core.ledger.messages import Messages, Told, asked_in, encoded, message, told_in
from testkase.core.ledger.operations import Outcome
from testkase.core.ledger.waiting import Waiting

SILENCE_SECONDS = 2.0
"""A neighbour that says nothing for so long while it is waited for, not even to a greeting, is taken for one that is
gone."""

_A_TURN = 0.1

Take = Callable[[Command, float], "asyncio.Future[Outcome] | None"]
"""Execute a command of a neighbour's, who waits since then (time.monotonic). None: it is not taken."""

GiveBack = Callable[[Waiting, bool], None]
"""Execute here what a neighbour was asked; True: it has done so perhaps, and has not told."""

_log = structlog.get_logger(__name__)


class _Writer:
    """Sends all that one turn of the loop has to say as one message."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self._parts: list[msgspec.Raw] = []

    def say(self, part: msgspec.Raw) -> None:
        if not self._parts:
            asyncio.get_running_loop().call_soon(self.flush)
        self._parts.append(part)

    def greet(self) -> None:
        """A message without parts."""
        self._send([])

    def flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts:
            self._send(parts)

    def _send(self, parts: list[msgspec.Raw]) -> None:
        if not self._transport.is_closing():
            self._transport.write(message(parts))


class Neighbour(asyncio.Protocol):
    """Another engine of this machine, which is asked. What it does not answer, for whatever reason, is given back once
    it can no longer overtake anything that was asked before."""

    def __init__(self, name: str, *, give_back: GiveBack, gone: Callable[["Neighbour"], None]) -> None:
        self.name = name
        self.asked: dict[int, Waiting] = {}
        """What it has not answered yet, in the order in which it was asked."""
        self.idle = asyncio.Event()
        """Nothing is expected of it, and nothing is to be given back."""
        self.idle.set()
        self._give_back = give_back
        self._gone = gone
        self._not_taken: dict[int, Waiting] = {}
        self._left = False
        self._number = 0
        self._messages = Messages()
        self._loop = asyncio.get_running_loop()
        self._heard_at = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._greeted = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._writer = _Writer(self._transport)

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    async def greet(self) -> None:
        """Returns when it has answered. Raises ConnectionError where it has gone."""
        self._writer.greet()
        await self._greeted.wait()
        if not self.is_open:
            raise ConnectionResetError("a neighbour has gone")

    def ask(self, waiting: Waiting) -> None:
        """Tell whoever waits what it answers."""
        self._number += 1
        try:
            said = encoded((self._number, waiting[2], waiting[0]))
        except (TypeError, ValueError):  # whatever it is, it fails here as it would without neighbours
            self._give_back(waiting, False)
            return
        if not self.asked:
            self._heard_at = self._loop.time()
            self.idle.clear()
        if self._watch is None:
            self._watch = self._loop.call_later(SILENCE_SECONDS / 2, self._look, False)
        self.asked[self._number] = waiting
        self._writer.say(said)

    def data_received(self, data: bytes) -> None:
        self._heard_at = self._loop.time()
        try:
            for content in self._messages.of(data):
                told = told_in(content)
                if not told:
                    self._greeted.set()
                for one in told:
                    self._hear(one)
        except msgspec.MsgspecError:
            _log.exception("ledger_neighbour_garbled", name=self.name)
            self.end()
        if not self.asked:
            self._return()

    def _hear(self, told: Told) -> None:
        waiting = self.asked.pop(told.number)
        outcome = told.outcome
        if outcome is None:  # it is stopping, or has more to do than it can
            self._not_taken[told.number] = waiting
            self._leave()
        elif not waiting[1].done():
            waiting[1].set_result(outcome)

    def _look(self, again: bool) -> None:
        """Whether it is still there. It is greeted meanwhile: the database may keep it waiting, as it would this
        process. What came while this process stood still is taken in before it is judged."""
        self._watch = None
        if not self.asked:
            return
        quiet = self._loop.time() - self._heard_at
        late = quiet >= SILENCE_SECONDS
        if late and again:
            _log.warning("ledger_neighbour_silent", name=self.name, unanswered=len(self.asked))
            self.end()
            return
        self._writer.greet()
        soon = _A_TURN if late else min(SILENCE_SECONDS - quiet, SILENCE_SECONDS / 2)
        self._watch = self._loop.call_later(soon, self._look, late)

    def connection_lost(self, _: Exception | None) -> None:
        self._greeted.set()
        self.end()

    def end(self) -> None:
        """It is not asked any more, nor listened to."""
        if self._watch is not None:
            self._watch.cancel()
        self._transport.abort()
        self._leave()
        self._return()

    def _leave(self) -> None:
        """It is asked nothing more."""
        self._left = True
        self._gone(self)

    def _return(self) -> None:
        """Give back what it has not done, and will not or may never."""
        not_taken, untold = self._not_taken, self.asked
        self._not_taken, self.asked = {}, {}
        given_back = not_taken | untold
        for number in sorted(given_back):
            self._give_back(given_back[number], number in untold)
        self.idle.set()
        if self._left:
            self._transport.close()


class Door(asyncio.Protocol):
    """Where a neighbour asks this engine."""

    def __init__(self, take: Take, opened: Callable[["Door"], None], closed: Callable[["Door"], None]) -> None:
        self._take = take
        self._opened = opened
        self._closed = closed
        self._owed = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._messages = Messages()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._writer = _Writer(self._transport)
        self._opened(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._closed(self)

    def data_received(self, data: bytes) -> None:
        try:
            for content in self._messages.of(data):
                asked = asked_in(content)
                if not asked:
                    self._writer.greet()
                # This process may have stood still: who waits no more has told its callers what it came to elsewhere.
                late = bool(asked) and time.monotonic() - asked[0][1] >= SILENCE_SECONDS
                for number, since, command in asked:
                    self._ask(number, command, since, late=late)
        except msgspec.MsgspecError:
            _log.exception("ledger_neighbour_garbled")
            self._transport.abort()

    def _ask(self, number: int, command: Command, since: float, *, late: bool) -> None:
        outcome = None if late else self._take(command, since)
        if outcome is None:
            self._writer.say(encoded(Told(number)))
            return
        self._owed += 1
        self._idle.clear()
        outcome.add_done_callback(partial(self._tell, number))

    def _tell(self, number: int, outcome: "asyncio.Future[Outcome]") -> None:
        try:
            told = encoded(Told.of(number, outcome.result()))
        except (TypeError, ValueError):  # a refusal that cannot be said: nothing of it has happened either
            told = encoded(Told(number))
        self._writer.say(told)
        self._owed -= 1
        if not self._owed:
            self._idle.set()

    async def close(self) -> None:
        """Once everything is answered."""
        await self._idle.wait()
        self._writer.flush()
        self._transport.close()
