"""Organizations in one database, and the door of open pages as the server calls it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec
import pytest

from testkase.entrypoints.live.door import LiveDoor
from testkase.foundation.database import Database
from testkase.services.live import Watcher, issue
from tests.support.cluster import TestDatabase
from tests.support.programs import Organizations

SECRET = "the installation's secret"
SESSION = "k3y-of-a-session"
COOKIE = "sessionid"


class Page:
    """A browser's page that listens: what it was sent, and a way to leave."""

    def __init__(self, door: LiveDoor, ticket: str, *, session: str = SESSION, method: str = "GET") -> None:
        self.status = 0
        self.ended = False
        self.states: list[dict[str, Any]] = []
        self.bytes = b""
        self._left = asyncio.Event()
        self.reads = asyncio.Event()
        """Cleared: it takes nothing that is sent."""
        self.reads.set()
        scope = {
            "type": "http",
            "method": method,
            "path": "/live",
            "query_string": f"ticket={ticket}".encode(),
            "headers": [(b"cookie", f"timezone=UTC; {COOKIE}={session}".encode())],
        }
        self.task = asyncio.create_task(door(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        await self.reads.wait()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.bytes += message["body"]
        self.ended = not message.get("more_body", False)
        for line in message["body"].splitlines():
            if line.startswith(b"data: {"):
                self.states.append(msgspec.json.decode(line[6:]))

    def leave(self) -> None:
        self._left.set()

    async def told(self, count: int, seconds: float = 10) -> dict[str, Any]:
        """The state that came as number `count`, once it has."""
        end = time.monotonic() + seconds
        while len(self.states) < count:
            assert time.monotonic() < end, f"only {len(self.states)} states came"
            await asyncio.sleep(0.02)
        return self.states[count - 1]


def ticket_for(org_id: int, *, user_id: int = 1, now: float | None = None, secret: str = SECRET) -> str:
    """A ticket as a page carries it; `now`: when it was written."""
    written = time.time() if now is None else now
    return issue(secret, org_id=org_id, user_id=user_id, session_key=SESSION, now=written)


@pytest.fixture
def organizations(module_database: TestDatabase) -> Iterator[Organizations]:
    made = Organizations(module_database)
    yield made
    made.close()


@pytest.fixture
async def watcher(module_database: TestDatabase) -> AsyncIterator[Watcher]:
    """Looks five times as often as in life, to be waited for less."""
    database = Database(module_database.app_url)
    await database.open()
    made = Watcher(database, every_seconds=0.2)
    yield made
    await made.close()
    await database.close()


@pytest.fixture
async def door(watcher: Watcher) -> LiveDoor:
    return LiveDoor(watcher, secret=SECRET, session_cookie=COOKIE)
