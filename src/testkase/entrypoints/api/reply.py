"""Answers: a status, JSON made by msgspec, and few headers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from litestar.response.base import ASGIResponse

encode = msgspec.json.Encoder().encode

JSON = "application/json"
PROBLEM = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Reply:
    """What an operation answers. `content` is encoded as JSON unless it is bytes already."""

    content: Any
    status: int = 200
    replayed: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> ASGIResponse:
        headers = dict(self.headers)
        if self.replayed:
            headers["Idempotent-Replayed"] = "true"
        return respond(self.status, self.content, headers)


def respond(
    status: int, content: Any, headers: Mapping[str, str] | None = None, *, media_type: str = JSON
) -> ASGIResponse:
    """A complete response. Nothing here may be kept by a cache in between."""
    body = content if isinstance(content, bytes) else encode(content)
    encoded = [(b"cache-control", b"no-store")]
    if headers:
        encoded += [(name.lower().encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
    return ASGIResponse(body=body, status_code=status, media_type=media_type, encoded_headers=encoded)
