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


async def test_keys_in_use_are_asked_for_together(counting: CountingDatabase, organizations: Organizations) -> None:
    made, ring = [organizations.make() for _ in range(3)], KeyRing(counting)
    assert [(await ring.caller(f"Bearer {one.key}")).org_id for one in made] == [one.org_id for one in made]
    for one in made:
        await ring.caller(f"Bearer {one.key}")
    asked = counting.asked
    for known in ring._known.values():
        known.until = 0.0
    await asyncio.gather(*(ring.caller(f"Bearer {one.key}") for one in made))
    for one in made:
        await ring.caller(f"Bearer {one.key}")
    assert counting.asked == asked + 1


async def test_a_revoked_key_is_forgotten_though_another_was_asked_for(
    counting: CountingDatabase, organizations: Organizations
) -> None:
    kept, revoked = organizations.make(), organizations.make()
    ring = KeyRing(counting)
    for one in (kept, revoked):
        await ring.caller(f"Bearer {one.key}")
        await ring.caller(f"Bearer {one.key}")
    organizations.rows(
        revoked.org_id,
        "UPDATE api_key SET revoked_at = now() WHERE hash = %(hash)s RETURNING hash",
        hash=hash_key(revoked.key),
    )
    ring._known[hash_key(kept.key)].until = 0.0
    await ring.caller(f"Bearer {kept.key}")
    with pytest.raises(InvalidApiKey):
        await ring.caller(f"Bearer {revoked.key}")


async def test_a_directory_that_cannot_be_asked_is_for_those_who_asked_to_hear(
    counting: CountingDatabase, organizations: Organizations, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other, ring = organizations.make(), organizations.make(), KeyRing(counting)

    async def out_of_order(*_: object, **__: object) -> object:
        raise OSError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(counting, "run", out_of_order)
        heard = await asyncio.gather(*(ring.caller(f"Bearer {one.key}") for _ in range(2)), return_exceptions=True)
    assert [type(error) for error in heard] == [OSError, OSError]
    assert (await ring.caller(f"Bearer {other.key}")).org_id == other.org_id


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
