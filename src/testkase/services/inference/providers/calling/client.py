"""Connections to one provider, bound to its host.

The key is in the head of requests that can only be built for the provider's own address; a redirect is an answer, not
an instruction; the environment's proxies and netrc are not consulted. For one host the free connections are a list.
"""

import asyncio
import ssl
from urllib.parse import quote, urlsplit

import certifi

from testkase.foundation.tracing import passed_on
from testkase.services.inference.model import Provider
from testkase.services.inference.providers.calling.answer import Incoming
from testkase.services.inference.providers.calling.connection import Connection, Unreachable
from testkase.services.inference.providers.calling.dialect import Headers, Outgoing

KEEP_ALIVE_SECONDS = 3.0
"""Shorter than any server's own patience (llama.cpp: 5 s), so that a request never meets a connection being closed."""
MOST_CONNECTIONS = 1_000
_PORTS = {"http": 80, "https": 443}
_AS_IT_IS = "/%:@!$&'()*+,;=~"
"""Of a path in the operator's file; what else is no letter or digit cannot stand in a request."""


class Response:
    """An answer whose head has arrived. Must be closed; only one read to its end leaves its connection to the next."""

    def __init__(self, endpoint: "Endpoint", connection: Connection, incoming: Incoming) -> None:
        self._endpoint = endpoint
        self._connection = connection
        self._incoming = incoming
        self._closed = False
        self.status = incoming.status
        self.headers = incoming.headers

    async def piece(self) -> bytes:
        """The body's next bytes as they arrive; none at its end. Raises TransportError."""
        return await self._connection.piece(self._incoming)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._endpoint.give_back(self._connection)


class Endpoint:
    """A provider's host. Belongs to one event loop."""

    def __init__(self, provider: Provider, headers: Headers) -> None:
        """`headers`: with the provider's key, sent with every request."""
        self.provider = provider
        url = urlsplit(provider.base_url)
        self._host = url.hostname or ""
        self._port = url.port or _PORTS[url.scheme]
        self._path = quote(url.path, safe=_AS_IT_IS)
        self._headers: Headers = [
            (b"host", url.netloc.encode("ascii")),
            (b"content-type", b"application/json"),
            (b"accept-encoding", b"identity"),
            (b"user-agent", b"testkase"),
            *headers,
        ]
        self._tls = ssl.create_default_context(cafile=certifi.where()) if url.scheme == "https" else None
        self._free: list[Connection] = []
        self._room = asyncio.Semaphore(MOST_CONNECTIONS)

    async def connect(self) -> Connection:
        """A connection on which nothing is under way, for one request to be sent. Raises TransportError."""
        await self._enter()
        try:
            return self._kept() or await Connection.open(self._host, self._port, self._tls, self.provider.timeouts)
        except BaseException:
            self._room.release()
            raise

    async def send(self, outgoing: Outgoing, connection: Connection) -> Response:
        """POST a request and return its response once its head is there. Raises TransportError."""
        try:
            incoming = await connection.ask(self._request(outgoing))
        except BaseException:
            self._room.release()
            connection.abort()
            raise
        return Response(self, connection, incoming)

    def give_back(self, connection: Connection) -> None:
        """Called once for every response."""
        self._room.release()
        if connection.release():
            self._free.append(connection)

    async def close(self) -> None:
        free, self._free = self._free, []
        for connection in free:
            connection.close()

    async def _enter(self) -> None:
        if not self._room.locked():
            await self._room.acquire()
            return
        try:
            async with asyncio.timeout(self.provider.timeouts.pool):
                await self._room.acquire()
        except TimeoutError as error:
            raise Unreachable from error

    def _kept(self) -> Connection | None:
        """The connection that came back last, if it is still good; else those before it are not either."""
        if not self._free:
            return None
        connection = self._free.pop()
        if connection.is_good(asyncio.get_running_loop().time(), KEEP_ALIVE_SECONDS):
            return connection
        for stale in (connection, *self._free):
            stale.close()
        self._free.clear()
        return None

    def _request(self, outgoing: Outgoing) -> bytes:
        headers = [*self._headers, (b"content-length", b"%d" % len(outgoing.content)), *passed_on()]
        lines = b"".join([b"%b: %b\r\n" % header for header in headers])
        return b"POST %b HTTP/1.1\r\n%b\r\n%b" % ((self._path + outgoing.path).encode("ascii"), lines, outgoing.content)
