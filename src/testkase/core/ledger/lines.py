"""A lane's connections: one on which all batches decided from memory are sent, one behind the other, and some on which
what must be loaded is, a batch at a time."""

import contextlib
from collections.abc import AsyncIterator

import psycopg

from testkase.core.ledger.conversation import IMPATIENCE_MS, Conversation


class Lines:
    """Opened when they are needed, and again after they were lost. Used by the tasks of one event loop."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._known: Conversation | None = None
        self._spare: list[Conversation] = []

    async def open(self) -> None:
        """One of each. Raises psycopg.OperationalError when the database cannot be reached."""
        await self.known()
        async with self.loading():
            pass

    async def known(self) -> Conversation:
        """The one for what is decided from memory. Nobody waits long for a lock there, since others wait behind."""
        while self._known is None or not self._known.takes_more:
            opened = await Conversation.open(self._url, patience_ms=IMPATIENCE_MS)
            if self._known is not None and self._known.takes_more:  # another task was faster
                await _end(opened)
            else:
                self._known = opened
        return self._known

    @contextlib.asynccontextmanager
    async def loading(self) -> AsyncIterator[Conversation]:
        """One of the caller's own. Whatever goes wrong on it, it is closed."""
        conversation = await self._still_open() or await Conversation.open(self._url)
        try:
            yield conversation
        except BaseException:
            await _end(conversation)
            raise
        self._spare.append(conversation)

    async def _still_open(self) -> Conversation | None:
        while self._spare:
            conversation = self._spare.pop()
            if conversation.is_open:
                return conversation
            await _end(conversation)
        return None

    async def close(self) -> None:
        known, self._known = self._known, None
        spare, self._spare = self._spare, []
        for conversation in (*spare, *([known] if known is not None else [])):
            await _end(conversation)


async def _end(conversation: Conversation) -> None:
    with contextlib.suppress(psycopg.Error, OSError):
        await conversation.close()
