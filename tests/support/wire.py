"""A small HTTP/1.1 client on one kept-alive connection, cheap enough to load a server from the same machine."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer."""

    status: int
    body: bytes
    head: bytes = b""
    """Status line and headers, in lower case."""

    @property
    def replayed(self) -> bool:
        """Whether this is the stored answer to an id that was there before."""
        return b"idempotent-replayed: true" in self.head

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection. One request at a time; a connection that was lost stays lost."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, key: str) -> None:
        self._reader = reader
        self._writer = writer
        self._host = host
        self.key = key

    @classmethod
    async def connect(cls, url: str, key: str) -> Self:
        """Raises OSError when nobody listens there."""
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**22)
        return cls(reader, writer, parts.netloc, key)

    async def request(self, method: str, path: str, body: bytes = b"", *, headers: str = "") -> Response:
        """Send, and read the answer whole. Raises OSError or EOFError when the connection broke on the way."""
        await self.send(method, path, body, headers=headers)
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        place = head.find(b"content-length: ")
        if place < 0:
            body = await self._chunks()
        else:
            body = await self._reader.readexactly(int(head[place + 16 : head.index(b"\r\n", place)]))
        return Response(int(head[9:12]), body, head)

    async def send(self, method: str, path: str, body: bytes = b"", *, headers: str = "") -> None:
        """Send only: whoever wants to leave before the answer, or in the middle of it."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\nAuthorization: Bearer {self.key}\r\n"
            f"Content-Type: application/json\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        await self._writer.drain()

    async def post(self, path: str, value: Any, *, headers: str = "") -> Response:
        return await self.request("POST", path, json.dumps(value).encode(), headers=headers)

    async def get(self, path: str) -> Response:
        return await self.request("GET", path)

    async def first_bytes(self) -> bytes:
        """What has arrived of an answer, at least one byte unless the connection ended."""
        return await self._reader.read(4096)

    def close(self) -> None:
        """At once, whatever is under way."""
        self._writer.transport.abort()

    async def _chunks(self) -> bytes:
        parts: list[bytes] = []
        while size := int(await self._reader.readline(), 16):
            parts.append((await self._reader.readexactly(size + 2))[:-2])
        await self._reader.readline()
        return b"".join(parts)
