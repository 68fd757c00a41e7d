"""One connection to a provider: a request goes out, its answer comes in, then the next.

A call may be given up at any instant: while connecting, while sending, between two pieces. The socket is closed at once
then, so that the provider does not go on writing for nobody.
"""

import asyncio
import ssl
from typing import Self, cast

from testkase.services.inference.model import Timeouts
from testkase.services.inference.providers.calling.answer import Incoming, NotHttp

MOST_BUFFERED_BYTES = 64 * 1024
"""Of a body that is read more slowly than it comes; then the provider is made to wait."""
_TRIES = 2
"""A connection that was never made is tried once more. Nothing else is: a request that was sent may be billed."""


class TransportError(Exception):
    """What a connection can fail with."""


class Unreachable(TransportError):
    """There is no connection."""


class Silent(TransportError):
    """The provider has sent, or taken, nothing for too long."""


class BrokenOff(TransportError):
    """The connection was closed, or what came over it is no HTTP."""


class Connection(asyncio.Protocol):
    """Used by one task at a time, which waits for one thing at a time."""

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._incoming: Incoming | None = None
        self._fault: TransportError | None = None
        """Why nothing more can come."""
        self._stalled = False
        """More was written than the provider has taken."""
        self._paused = False
        self._waiter: asyncio.Future[None] | None = None
        self.idle_since = 0.0

    @classmethod
    async def open(cls, host: str, port: int, tls: ssl.SSLContext | None, timeouts: Timeouts) -> Self:
        """Raises Unreachable."""
        loop = asyncio.get_running_loop()
        for last in range(1, _TRIES + 1):
            try:
                async with asyncio.timeout(timeouts.connect):
                    _, connection = await loop.create_connection(lambda: cls(timeouts), host, port, ssl=tls)
                return connection
            except OSError as error:  # TimeoutError and ssl.SSLError are among them
                if last == _TRIES:
                    raise Unreachable from error
        raise AssertionError("the last try returns or raises")

    async def ask(self, request: bytes) -> Incoming:
        """Send a request; its answer once the head is there. Raises Silent, BrokenOff."""
        incoming = self._incoming = Incoming()
        self._transport.write(request)
        while self._stalled and not incoming.status:
            await self._something(self._timeouts.write)
        while not incoming.status:
            await self._something(self._timeouts.read)
        return incoming

    async def piece(self, incoming: Incoming) -> bytes:
        """What has come of the body, at least one byte; none at its end. Raises Silent, BrokenOff."""
        while not incoming.buffered and not incoming.complete:
            await self._something(self._timeouts.read)
        if self._paused:
            self._paused = False
            self._transport.resume_reading()
        return incoming.take()

    def is_good(self, now: float, patience: float) -> bool:
        """Whether it can take a request, after having been idle since `idle_since`."""
        return self._fault is None and not self._transport.is_closing() and now - self.idle_since < patience

    def release(self) -> bool:
        """The answer has been dealt with: whether there can be another. If not, the connection is closed now."""
        incoming, self._incoming = self._incoming, None
        if incoming is None or not incoming.leaves_the_connection_usable or self._transport.get_write_buffer_size():
            self.abort()
        self.idle_since = self._loop.time()
        return self.is_good(self.idle_since, 1.0)

    def abort(self) -> None:
        """Close the socket at once, whatever is under way."""
        self._transport.abort()

    def close(self) -> None:
        """Close it as one says goodbye. Not waited for: who does not answer the goodbye must not hold anybody up."""
        self._transport.close()

    async def _something(self, seconds: float) -> None:
        """Wait until something has happened. Raises Silent after so many seconds, and whatever went wrong before."""
        if self._fault is not None:
            raise self._fault
        self._waiter = self._loop.create_future()
        patience = self._loop.call_later(seconds, self._fail, Silent())
        try:
            await self._waiter
        finally:
            patience.cancel()

    def _fail(self, fault: TransportError) -> None:
        self._fault = self._fault or fault
        self._transport.abort()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        incoming = self._incoming
        if incoming is None:
            self._fail(BrokenOff("unasked"))
            return
        try:
            incoming.feed(data)
        except NotHttp:
            self._fail(BrokenOff("not HTTP"))
            return
        if incoming.buffered > MOST_BUFFERED_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        self._wake()

    def pause_writing(self) -> None:
        self._stalled = True

    def resume_writing(self) -> None:
        self._stalled = False
        self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        if error is None and self._incoming is not None:
            self._incoming.end()
        self._fault = self._fault or BrokenOff("closed" if error is None else type(error).__name__)
        self._wake()
