"""API keys behind the door: asked for once however many knock, and noted when used, off the path of requests."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from testkase.core.access import hash_key
from testkase.entrypoints.api.keys import Caller, InvalidApiKey, KeyRing
from testkase.foundation.database import Database, Operation
from tests.support.cluster import TestDatabase
from tests.support.programs import Organizations


class CountingDatabase(Database):
    """Counts what it is asked."""

    asked = 0

    async def run(self, operation: Operation[Any], *, org_id: int | None = None) -> Any:
        self.asked += 1
        return await super().run(operation, org_id=org_id)


@pytest.fixture
async def counting(database: TestDatabase) -> AsyncIterator[CountingDatabase]:
    opened = CountingDatabase(database.app_url)
    await opened.open()
    yield opened
    await opened.close()


async def test_a_hundred_requests_at_once_ask_the_directory_once(
    counting: CountingDatabase, organizations: Organizations
) -> None:
    org, ring = organizations.make(), KeyRing(counting)
    callers = await asyncio.gather(*(ring.caller(f"Bearer {org.key}") for _ in range(100)))
    assert {caller.org_id for caller in callers} == {org.org_id}
    await ring.caller(f"Bearer {org.key}")
    assert counting.asked == 1


async def test_a_caller_that_gives_up_does_not_cancel_the_others(
    counting: CountingDatabase, organizations: Organizations
) -> None:
    org, ring = organizations.make(), KeyRing(counting)
    tasks = [asyncio.create_task(ring.caller(f"Bearer {org.key}")) for _ in range(2)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    assert isinstance(await tasks[1], Caller)


async def test_nonsense_is_refused_without_asking_anybody(counting: CountingDatabase) -> None:
    with pytest.raises(InvalidApiKey):
        await KeyRing(counting).caller("Bearer tk_live_nonsense")
    assert counting.asked == 0


async def test_when_a_key_was_used_is_written_later_and_at_the_end(
    counting: CountingDatabase, organizations: Organizations
) -> None:
    org, ring = organizations.make(), KeyRing(counting)
    await ring.open()
    await ring.caller(f"Bearer {org.key}")
    read = "SELECT last_used_at FROM api_key WHERE hash = %(hash)s"
    assert organizations.rows(org.org_id, read, hash=hash_key(org.key))[0]["last_used_at"] is None
    await ring.close()
    assert organizations.rows(org.org_id, read, hash=hash_key(org.key))[0]["last_used_at"] is not None
