"""`GET /live?ticket=…`: who may listen, how many at once, and the end of all streams when the server stops.

A small ASGI application of its own: a stream must not hold one of Django's threads, and needs nothing of a framework.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

from prometheus_client import Gauge

from testkase.entrypoints.live.stream import ReaderLeft, Send, Stream
from testkase.services.live import Ticket, TicketInvalid, Watcher, read

STREAMS_OF_ONE_PERSON = 12
"""Visible pages of one person in one organization; hidden ones close their stream."""

ALL_STREAMS = 5_000
"""Of this process. A page that is turned away asks by itself now and then."""

OPEN = Gauge("testkase_live_streams", "Pages that listen for changes.")

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class LiveDoor:
    """The streams of one process."""

    def __init__(self, watcher: Watcher, *, secret: str, session_cookie: str) -> None:
        self._watcher = watcher
        self._secret = secret
        self._session_cookie = session_cookie
        self._streams: set[Stream] = set()
        self._of_person: Counter[tuple[int, int]] = Counter()
        self._closed = False

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await _refuse(send, 405, "Only GET is answered here.", (b"allow", b"GET"))
            return
        try:
            ticket = self._ticket(scope)
        except TicketInvalid as invalid:
            await _refuse(send, 401, invalid.detail)
            return
        person = (ticket.org_id, ticket.user_id)
        if self._closed or len(self._streams) >= ALL_STREAMS or self._of_person[person] >= STREAMS_OF_ONE_PERSON:
            await _refuse(send, 503 if self._closed else 429, "Too many pages listen already.")
            return
        await self._serve(ticket, receive, send)

    def close(self) -> None:
        """End every stream and take no more: a server that stops must not wait for pages that only listen."""
        self._closed = True
        for stream in list(self._streams):
            stream.end()

    async def _serve(self, ticket: Ticket, receive: Receive, send: Send) -> None:
        person = (ticket.org_id, ticket.user_id)
        stream = Stream(send, ticket.expires_at)
        self._streams.add(stream)
        self._of_person[person] += 1
        OPEN.inc()
        unwatch = self._watcher.watch(ticket.org_id, stream.tell)
        left = asyncio.create_task(_until_left(receive, stream))
        try:
            with contextlib.suppress(ReaderLeft):
                await stream.run()
        finally:
            left.cancel()
            unwatch()
            self._streams.discard(stream)
            self._of_person[person] -= 1
            if not self._of_person[person]:
                del self._of_person[person]
            OPEN.dec()

    def _ticket(self, scope: MutableMapping[str, Any]) -> Ticket:
        try:
            asked = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=5)
        except ValueError as error:
            raise TicketInvalid("This is not a ticket.") from error
        cookies = b"; ".join(value for name, value in scope["headers"] if name == b"cookie").decode("latin-1")
        return read(
            self._secret,
            asked.get("ticket", [""])[0],
            session_key=_cookie(cookies, self._session_cookie),
            now=time.time(),
        )


def _cookie(header: str, name: str) -> str:
    """One cookie's value, as browsers send it: name=value; name=value."""
    for part in header.split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""


async def _until_left(receive: Receive, stream: Stream) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end()


async def _refuse(send: Send, status: int, words: str, *more: tuple[bytes, bytes]) -> None:
    body = words.encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
