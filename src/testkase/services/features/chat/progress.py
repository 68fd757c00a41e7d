"""A growing answer, written down a few times a second, and what the page has to say about it meanwhile.

Whoever reads the page polls these rows, so it may be closed and opened again at any time. The same look tells the run
whether somebody pressed Stop, deleted the chat, or whether another run of the same turn has begun.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

import msgspec

from testkase.foundation.database import Database, Operation, Statement
from testkase.services.features.chat.operations import SQL
from testkase.services.features.chat.tools.model import Source

EVERY_SECONDS = 0.25
"""The page asks a little less often."""
MOST_SOURCES = 24
MOST_ANSWER = 20_000
"""Characters: far more than the output limit allows."""

Cue = Literal["stop", "gone", "superseded"]


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What there is of an answer."""

    doing: str = ""
    answer: str = ""
    facts: str = ""
    sources: tuple[Source, ...] = ()


class Reporter:
    """Writes what one attempt produces, in a task of its own; `cue` is called once, where the run has to end early."""

    def __init__(
        self, database: Database, key: dict[str, int], cue: Callable[[Cue], None], *, written: Answered
    ) -> None:
        """`written`: what an earlier attempt left in the row."""
        self.now = Answered()
        self._written = written
        self._database = database
        self._key = key
        self._cue = cue
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def doing(self, what: str) -> None:
        """Something new is being worked on."""
        self.now = msgspec.structs.replace(self.now, doing=what)

    def says(self, answer: str) -> None:
        """The answer as far as it is written."""
        self.now = msgspec.structs.replace(self.now, doing="", answer=storable(answer))

    def found(self, facts: str, sources: tuple[Source, ...]) -> None:
        """More was found; things found twice are kept once."""
        known = {(source.kind, source.ref): source for source in (*self.now.sources, *sources)}
        kept = tuple(known.values())[:MOST_SOURCES]
        self.now = msgspec.structs.replace(self.now, facts=facts or self.now.facts, sources=kept)

    def begin(self) -> None:
        """Write and look from now on."""
        self._task = asyncio.get_running_loop().create_task(self._keep_writing(), name="chat-progress")

    async def end(self) -> None:
        """Write what there is, so that an answer that is charged is never lost; then no more.

        The task is asked to end, not cancelled: a cancellation that meets a connection on its way can get lost.
        """
        self._over.set()
        if self._task is not None:
            await asyncio.wait([self._task])
            self._task.result()
        cue = await self._database.run(self._step(), org_id=self._key["org_id"])
        if cue is not None:
            self._cue(cue)

    async def _keep_writing(self) -> None:
        while not self._over.is_set():
            cue = await self._database.run(self._step(), org_id=self._key["org_id"])
            if cue is not None:
                self._cue(cue)
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_SECONDS):
                    await self._over.wait()

    def _step(self) -> Operation[Cue | None]:
        """Report what is new; look how things stand. One statement, unless the turn is another's by now."""
        now = self.now
        if now != self._written:
            rows = yield Statement(SQL["report"], {**self._key, **columns(now)})
            if rows:
                self._written = now
                return "stop" if rows[0]["stop_asked"] else None
        rows = yield Statement(SQL["look"], self._key)
        if not rows:
            return "gone"
        if rows[0]["attempt"] != self._key["attempt"] or rows[0]["state"] != "running":
            return "superseded"
        return "stop" if rows[0]["stop_asked"] else None


def columns(answered: Answered) -> dict[str, str]:
    """As the turn's row keeps it."""
    return {
        "doing": answered.doing,
        "answer": answered.answer,
        "facts": answered.facts,
        "sources": msgspec.json.encode(answered.sources).decode(),
    }


def storable(text: str) -> str:
    """What PostgreSQL takes: no NUL, no half of a pair."""
    return text.replace("\x00", "")[:MOST_ANSWER].encode("utf-8", "replace").decode()
