"""Metrics are answered whatever the database does."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import psycopg
import pytest

from testkase.config.serving import health
from testkase.config.serving.health import Health


async def _asleep() -> None:
    await asyncio.Event().wait()


async def _gone() -> None:
    raise psycopg.OperationalError("the connection is closed")


async def _answers() -> None: ...


async def metrics(look: Callable[[], Awaitable[None]]) -> tuple[int, bytes]:
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await Health("", look=look)({"type": "http", "method": "GET", "path": "/metrics"}, receive, send)
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize("look", [_asleep, _gone])
async def test_metrics_are_answered_while_the_database_is_silent_or_gone(
    look: Callable[[], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_PATIENCE_SECONDS", 0.01)
    status, body = await metrics(look)
    assert (status, b"testkase_http_requests" in body) == (200, True)


@pytest.mark.parametrize(("ask", "ready"), [(_answers, True), (_asleep, False), (_gone, False), (None, False)])
async def test_it_is_ready_while_its_requests_are_answered_though_the_database_lets_no_more_in(
    ask: Callable[[], Awaitable[None]] | None, ready: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_words: object, **_more: object) -> None:
        raise psycopg.OperationalError("FATAL:  sorry, too many clients already")

    monkeypatch.setattr(psycopg.AsyncConnection, "connect", full)
    monkeypatch.setattr(health, "_PATIENCE_SECONDS", 0.01)
    assert await Health("", ask=ask).ready() == ready
