"""The bytes of an answer: one JSON body, or server-sent events as OpenAI's clients expect them."""

from litestar.types import Message, Send

from testkase.entrypoints.api.openai.errors import Shaped
from testkase.entrypoints.api.reply import encode

Headers = dict[str, str]


class ClientLeft(Exception):  # noqa: N818 - an event of the connection, not an error
    """Nothing can be sent any more."""


class Sender:
    """Writes one response."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.begun = False
        """Whether the status is out already."""

    async def whole(self, status: int, content: bytes, headers: Headers) -> None:
        await self._start(status, "application/json", headers, len(content))
        await self._body(content, more=False)

    async def shaped(self, error: Shaped, headers: Headers) -> None:
        await self.whole(error.status, encode({"error": error.error}), error.headers() | headers)

    async def begin(self, headers: Headers) -> None:
        await self._start(200, "text/event-stream; charset=utf-8", headers | {"x-accel-buffering": "no"}, None)

    async def event(self, payload: bytes) -> None:
        await self._body(b"data: " + payload + b"\n\n", more=True)

    async def end(self, accounting: Headers, *, done: bool) -> None:
        """A comment with the accounting, which every client skips, and the closing event."""
        told = {name.removeprefix("x-testkase-"): value for name, value in accounting.items()}
        await self._body(b": testkase " + encode(told) + b"\n\n" + (b"data: [DONE]\n\n" if done else b""), more=False)

    async def _start(self, status: int, content_type: str, headers: Headers, length: int | None) -> None:
        lines = [(b"content-type", content_type.encode()), (b"cache-control", b"no-store")]
        lines += [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
        if length is not None:
            lines.append((b"content-length", str(length).encode()))
        self.begun = True
        await self._out({"type": "http.response.start", "status": status, "headers": lines})

    async def _body(self, content: bytes, *, more: bool) -> None:
        await self._out({"type": "http.response.body", "body": content, "more_body": more})

    async def _out(self, message: Message) -> None:
        try:
            await self._send(message)
        except Exception as error:
            raise ClientLeft from error
