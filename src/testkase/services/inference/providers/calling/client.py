"""Connections to one provider, bound to its host.

The key is a header of requests that can only be built for the provider's own address; a redirect is an answer, not an
instruction; the environment's proxies and netrc are not consulted. A connection that was never made is tried once more.
Nothing else is: a request that has been sent may have been billed.

httpcore is the engine of httpx. Its own pool, made for many hosts, looks at every connection for every request, which
costs more than the request itself at a few dozen calls at a time. For one host the free connections are a list.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping

import certifi
import httpcore

from testkase.foundation.tracing import passed_on
from testkase.services.inference.model import Provider
from testkase.services.inference.providers.calling.dialect import Headers, Outgoing
from testkase.services.inference.providers.calling.network import Network

KEEP_ALIVE_SECONDS = 3.0
"""Shorter than any server's own patience (llama.cpp: 5 s), so that a request never meets a connection being closed."""
MOST_CONNECTIONS = 1_000

TransportError = (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError)
"""What a connection can fail with."""


class Response:
    """An answer whose head has arrived. Must be closed; only one read to its end leaves its connection to the next."""

    def __init__(
        self, endpoint: "Endpoint", connection: httpcore.AsyncHTTPConnection, answer: httpcore.Response
    ) -> None:
        self._endpoint = endpoint
        self._connection = connection
        self._answer = answer
        self._closed = False
        self.status: int = answer.status
        self.headers: Mapping[str, str] = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers
        }

    def pieces(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises TransportError."""
        return self._answer.aiter_stream()

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            try:
                await self._answer.aclose()
            finally:
                await self._endpoint.give_back(self._connection)


class Endpoint:
    """A provider's host. Belongs to one event loop."""

    def __init__(self, provider: Provider, headers: Headers) -> None:
        """`headers`: with the provider's key, sent with every request."""
        self.provider = provider
        self._url = httpcore.URL(provider.base_url)
        host = self._url.host + (b":%d" % self._url.port if self._url.port is not None else b"")
        self._headers = [
            (b"host", host),
            (b"content-type", b"application/json"),
            (b"accept-encoding", b"identity"),
            (b"user-agent", b"testkase"),
            *headers,
        ]
        times = provider.timeouts
        self._timeouts = {"connect": times.connect, "read": times.read, "write": times.write}
        tls = ssl.create_default_context(cafile=certifi.where()) if self._url.scheme == b"https" else None
        self._network = Network(tls)
        self._free: list[httpcore.AsyncHTTPConnection] = []
        self._room = asyncio.Semaphore(MOST_CONNECTIONS)

    async def send(self, outgoing: Outgoing) -> Response:
        """POST a request and return its response once its head is there. Raises TransportError."""
        try:
            async with asyncio.timeout(self.provider.timeouts.pool):
                await self._room.acquire()
        except TimeoutError as error:
            raise httpcore.PoolTimeout from error
        connection: httpcore.AsyncHTTPConnection | None = None
        try:
            connection = await self._connection()
            request = httpcore.Request(
                "POST",
                httpcore.URL(self.provider.base_url + outgoing.path),
                headers=[*self._headers, (b"content-length", b"%d" % len(outgoing.content)), *passed_on()],
                content=outgoing.content,
                extensions={"timeout": self._timeouts},
            )
            answer = await connection.handle_async_request(request)
        except BaseException:
            self._room.release()
            if connection is not None:
                await connection.aclose()
            raise
        return Response(self, connection, answer)

    async def give_back(self, connection: httpcore.AsyncHTTPConnection) -> None:
        """Called once for every response. A connection whose answer was not read to its end is closed here: httpcore
        does not always get to it when the reader is cancelled, and the provider would go on writing."""
        self._room.release()
        if connection.is_idle():
            self._free.append(connection)
        else:
            await connection.aclose()

    async def close(self) -> None:
        free, self._free = self._free, []
        for connection in free:
            await connection.aclose()

    async def _connection(self) -> httpcore.AsyncHTTPConnection:
        """The connection that came back last, if it is still good; else those before it are not either."""
        if self._free:
            connection = self._free.pop()
            if not connection.has_expired():
                return connection
            await connection.aclose()
            await self.close()
        return httpcore.AsyncHTTPConnection(
            self._url.origin, network_backend=self._network, keepalive_expiry=KEEP_ALIVE_SECONDS, retries=1
        )
