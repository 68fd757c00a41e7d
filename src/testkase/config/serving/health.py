"""What watches the process: `/healthz` (it runs), `/readyz` (it reaches its database), `/metrics` (Prometheus).

Nothing here names an organization or a person.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from functools import cache
from typing import Any

import psycopg
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest

from testkase.config.serving.asgi_types import Application, Receive, Scope, Send

_FRESH_SECONDS = 1.0
"""For how long one answer about the database serves everybody, so that asking often cannot load it."""

_PATIENCE_SECONDS = 2.0
"""For figures that stand in the database. Whoever collects metrics waits for seconds, not for a database."""

_CLOSE = (b"connection", b"close")
_RETRY = (b"retry-after", b"1")
_ALLOW = (b"allow", b"GET, HEAD")

_log = structlog.get_logger(__name__)

REQUESTS = Counter("testkase_http_requests", "HTTP requests answered.", ["door", "status"])
DATABASE_UP = Gauge(
    "testkase_database_up", "1 while the database answers this process; the figures read from it are old otherwise."
)
SECONDS = Histogram(
    "testkase_http_request_seconds",
    "From the request to the last byte of its answer.",
    ["door"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
_requests, _seconds = cache(REQUESTS.labels), cache(SECONDS.labels)
"""Of few doors and statuses; to look a label up takes a lock and longer than to count."""


class Health:
    """Answers the three addresses, and counts what the others answer."""

    def __init__(
        self,
        database_url: str,
        *,
        look: Callable[[], Awaitable[None]] | None = None,
        ask: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """`look` brings gauges up to date that stand in the database; `ask` asks it anything on a connection of those
        that requests have."""
        self.database_url = database_url
        self._look = look
        self._ask_as_requests_do = ask
        self._looked_at = -_FRESH_SECONDS
        self._asked_at = -_FRESH_SECONDS
        self._ready = False
        self.leaving = False
        """The process is about to stop: whoever spreads requests over several should choose another."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await _answer(send, 405, b"method not allowed\n", more=[_ALLOW])
        elif scope["path"] == "/healthz":
            await _answer(send, 200, b"ok\n")
        elif scope["path"] == "/metrics":
            await self._look_again()
            await _answer(send, 200, generate_latest(), CONTENT_TYPE_LATEST)
        elif self.leaving:
            await _answer(send, 503, b"stopping\n", more=[_RETRY, _CLOSE])
        elif await self.ready():
            await _answer(send, 200, b"ready\n")
        else:
            await _answer(send, 503, b"the database does not answer\n")

    async def ready(self) -> bool:
        """Whether the application role gets an answer from the database."""
        if time.monotonic() - self._asked_at >= _FRESH_SECONDS:
            self._asked_at = time.monotonic()
            self._ready = await self._ask()
        return self._ready

    async def _ask(self) -> bool:
        """On a connection of its own, since all others may be at work. Where the database lets no more in, those that
        are in still serve: each process would otherwise be sent away for the one that was too many."""
        try:
            async with await psycopg.AsyncConnection.connect(self.database_url, connect_timeout=3) as connection:
                await connection.execute("SELECT 1")
        except (psycopg.Error, OSError):
            return await self._ask_inside()
        return True

    async def _ask_inside(self) -> bool:
        if self._ask_as_requests_do is None:
            return False
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._ask_as_requests_do()
        except (psycopg.Error, OSError):
            return False
        return True

    async def _look_again(self) -> None:
        """Gauges stay as they were while the database does not answer: the others are wanted then most of all."""
        if self._look is None or time.monotonic() - self._looked_at < _FRESH_SECONDS:
            return
        self._looked_at = time.monotonic()
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._look()
            DATABASE_UP.set(1)
        except (psycopg.Error, OSError):
            DATABASE_UP.set(0)
            _log.warning("the figures that stand in the database could not be read")

    async def counted(self, door: str, application: Application, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and count its answer; status 0 where none began because the client went away."""
        status = 0

        async def watched(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if self.leaving and scope.get("http_version") == "1.1":
                    message["headers"] = [*message.get("headers", ()), _CLOSE]
            await send(message)

        began = time.perf_counter()
        try:
            await application(scope, receive, watched)
        except Exception:
            # Whatever a framework did not turn into an answer itself.
            _log.exception("unforeseen error", door=door, method=scope.get("method"), path=scope.get("path"))
            if status:
                raise
            await _answer(watched, 500, b"Something went wrong on our side. It has been logged.\n")
        finally:
            _seconds(door).observe(time.perf_counter() - began)
            _requests(door, str(status)).inc()


async def _answer(
    send: Send,
    status: int,
    body: bytes,
    content_type: str = "text/plain; charset=utf-8",
    *,
    more: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    headers = [
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
