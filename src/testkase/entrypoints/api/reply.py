"""Answers: a status, JSON made by msgspec, and few headers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

encode = msgspec.json.Encoder().encode

JSON = "application/json"
PROBLEM = "application/problem+json"


class Answer(ASGIResponse):
    """A complete response, sent as it is. Litestar passes it through: nothing is left to be rendered or set."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str] | None, media_type: str) -> None:
        self.status_code = status
        self.body = body
        self.media_type = media_type
        self.extra = headers or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", self.media_type.encode("ascii")),
            (b"content-length", str(len(self.body)).encode("ascii")),
            (b"cache-control", b"no-store"),
        ]
        for name, value in self.extra.items():
            headers.append((name.lower().encode("ascii"), value.encode("latin-1", "replace")))
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": False})

    def for_litestar(self) -> Response[bytes]:
        """The same for Litestar's exception handlers, which take nothing else."""
        headers = {"cache-control": "no-store", **self.extra}
        return Response(self.body, status_code=self.status_code, media_type=self.media_type, headers=headers)


@dataclass(frozen=True, slots=True)
class Reply:
    """What an operation answers. `content` is encoded as JSON unless it is bytes already."""

    content: Any
    status: int = 200
    replayed: bool = False

    def response(self) -> Answer:
        return respond(self.status, self.content, REPLAYED if self.replayed else None)


REPLAYED = {"Idempotent-Replayed": "true"}


def respond(status: int, content: Any, headers: Mapping[str, str] | None = None, *, media_type: str = JSON) -> Answer:
    """A complete response. Nothing here may be kept by a cache in between."""
    return Answer(status, content if isinstance(content, bytes) else encode(content), headers, media_type)
