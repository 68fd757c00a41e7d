"""A client that reads a stream's bytes, leaves where its plan says so, and knows what it got."""

import asyncio
import json
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from campaigns.streams.plan import Plan

_TOLD = re.compile(rb"^: testkase (\{.*\})$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Got:
    """What came. `ended`: the answer ended by itself, well or with an error event; else the client left or the
    connection broke."""

    status: int
    events: tuple[bytes, ...]
    ended: bool
    charged: str | None
    """What the closing comment says was charged."""


async def converse(url: str, key: str, plan: Plan) -> Got:
    """One request. Never raises for what the gateway or the network does."""
    parts = urlsplit(url)
    body = json.dumps(plan.body).encode()
    head = (
        f"POST /openai/v1/chat/completions HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nIdempotency-Key: {plan.call_id}\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    raw = b""
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=2**20)
    except OSError:
        return Got(0, (), ended=False, charged=None)
    try:
        writer.write(head.encode() + body)
        while plan.leaves_after is None or len(raw) < plan.leaves_after:
            most = 65_536 if plan.leaves_after is None else plan.leaves_after - len(raw)
            piece = await reader.read(most)
            if not piece:
                break
            raw += piece
    except OSError:
        pass
    finally:
        writer.transport.abort()
    return understood(raw)


def understood(raw: bytes) -> Got:
    """The whole events among the bytes."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 ") or not _:
        return Got(0, (), ended=False, charged=None)
    status = int(head[9:12])
    if b"transfer-encoding: chunked" not in head.lower():
        return Got(status, (), ended=True, charged=None)
    text, ended = _unchunked(rest)
    whole = text[: text.rfind(b"\n\n") + 2] if b"\n\n" in text else b""
    lines = [line[6:] for line in whole.split(b"\n") if line.startswith(b"data: ")]
    told = _TOLD.search(whole)
    charged = json.loads(told[1]).get("charged") if told else None
    return Got(status, tuple(line for line in lines if line != b"[DONE]"), ended=ended, charged=charged)


def _unchunked(raw: bytes) -> tuple[bytes, bool]:
    """What the chunks hold, a broken last one included, and whether the closing chunk came."""
    text = b""
    while raw:
        size, separator, rest = raw.partition(b"\r\n")
        if not separator:
            return text, False
        length = int(size, 16)
        if not length:
            return text, True
        text += rest[:length]
        raw = rest[length + 2 :]
    return text, False
