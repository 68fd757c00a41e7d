"""One page's stream: the latest state, whenever it is another, as server-sent events until the ticket is over.

Nothing queues up for a reader that is slow: only the newest state waits for it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec

from testkase.services.live import Pulse

HEARTBEAT_SECONDS = 20.0
"""Shorter than proxies' patience with a silent connection, usually 30 to 60 seconds."""

SEND_SECONDS = 10.0
"""A reader that takes nothing for so long is gone."""

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_HEAD = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store, no-transform"),
        (b"x-accel-buffering", b"no"),
    ],
}


class ReaderLeft(Exception):  # noqa: N818 - an event of the connection, not an error
    """Nothing can be sent any more."""


class Stream:
    """Told by the watcher, read by one page."""

    def __init__(self, send: Send, expires_at: float) -> None:
        self._send = send
        self._expires_at = expires_at
        self._news = asyncio.Event()
        self._state: bytes | None = None
        self._told: bytes | None = None
        self._ended = False

    def tell(self, pulse: Pulse) -> None:
        """Keep the newest state for the reader."""
        self._state = msgspec.json.encode(pulse.for_pages())
        self._news.set()

    def end(self) -> None:
        """No more: the reader left, or the server stops."""
        self._ended = True
        self._news.set()

    async def run(self) -> None:
        """Until the ticket is over or the stream is ended. Raises ReaderLeft."""
        await self._out({**_HEAD})
        await self._body(b": live\n\n")
        while not self._ended and (left := self._expires_at - time.time()) > 0:
            if not await self._news_within(min(left, HEARTBEAT_SECONDS)):
                await self._body(b":\n\n")
            elif self._state != self._told and self._state is not None:
                self._told = self._state
                await self._body(b"data: " + self._told + b"\n\n")
        await self._out({"type": "http.response.body", "body": b"event: over\ndata: over\n\n", "more_body": False})

    async def _news_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return False
        self._news.clear()
        return True

    async def _body(self, content: bytes) -> None:
        await self._out({"type": "http.response.body", "body": content, "more_body": True})

    async def _out(self, message: MutableMapping[str, Any]) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._send(message)
        except Exception as error:
            raise ReaderLeft from error
