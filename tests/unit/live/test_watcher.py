"""The look at what is watched goes on whatever happens to one of them."""

import asyncio
from typing import Any, cast

import pytest

from testkase.foundation.database import Database
from testkase.services.live import watcher
from testkase.services.live.watcher import Watcher

pytestmark = pytest.mark.anyio


class Failing:
    """A database that never answers, or fails in a way nobody foresaw."""

    def __init__(self, *, silent: bool) -> None:
        self.silent = silent
        self.asked = asyncio.Event()
        self.times = 0

    async def run(self, operation: Any) -> list[Any]:
        operation.close()
        self.times += 1
        if self.times == 3:
            self.asked.set()
        if self.silent:
            await asyncio.Event().wait()
        raise RuntimeError("unforeseen")


@pytest.mark.parametrize("silent", [True, False])
async def test_it_looks_again(monkeypatch: pytest.MonkeyPatch, silent: bool) -> None:
    monkeypatch.setattr(watcher, "PATIENCE_SECONDS", 0.02)
    database = Failing(silent=silent)
    watching = Watcher(cast(Database, database), every_seconds=0.01)
    watching.watch(1, lambda _pulse: None)
    async with asyncio.timeout(10):
        await database.asked.wait()
    await watching.close()
