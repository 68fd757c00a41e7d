"""The stream of an open page: who gets one, what it says, and when it ends."""

import asyncio
import time

import pytest

from testkase.core.ledger.commands import RecordUsage
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute_one
from testkase.entrypoints.live.door import STREAMS_OF_ONE_PERSON, LiveDoor
from testkase.services.live import LIFE_SECONDS, Watcher
from tests.integration.live.conftest import Page, ticket_for
from tests.support.programs import Organization, Organizations

SUBJECT = Subject(use_case="chat", user="ada@example.com")


def use(organizations: Organizations, org: Organization, usage_id: str, credits: int = 1_500_000) -> None:
    command = RecordUsage(org_id=org.org_id, usage_id=usage_id, subject=SUBJECT, credits=credits)
    organizations.run(org.org_id, execute_one(command))


@pytest.mark.requirement("R53", "I13")
async def test_a_page_hears_of_its_own_organization_and_of_no_other(
    door: LiveDoor, organizations: Organizations
) -> None:
    org, other = organizations.make(), organizations.make()
    page, quiet = Page(door, ticket_for(org.org_id)), Page(door, ticket_for(other.org_id))
    first, theirs = await page.told(1), await quiet.told(1)
    assert (page.status, first["available"], first["ai"]) == (200, "300.00", True)
    use(organizations, org, "one")
    second = await page.told(2)
    assert second["available"] == "298.50"
    assert second["usage"] > first["usage"]
    organizations.switch_ai(org.org_id, False)
    assert (await page.told(3))["ai"] is False
    use(organizations, other, "theirs", credits=10_000)
    assert (await quiet.told(2))["available"] == "299.99"
    assert quiet.states[0] == theirs
    assert len(page.states) == 3
    page.leave()
    quiet.leave()
    await asyncio.gather(page.task, quiet.task)


@pytest.mark.requirement("R53")
async def test_a_failed_call_that_cost_nothing_is_told_too(door: LiveDoor, organizations: Organizations) -> None:
    org = organizations.make()
    page = Page(door, ticket_for(org.org_id))
    before = await page.told(1)
    use(organizations, org, "free", credits=0)
    after = await page.told(2)
    assert after["usage"] > before["usage"]
    assert after["available"] == before["available"]
    page.leave()
    await page.task


async def refused(door: LiveDoor, ticket: str, **how: str) -> int:
    page = Page(door, ticket, **how)
    await page.task
    assert page.states == []
    return page.status


@pytest.mark.requirement("I13")
async def test_forged_old_and_foreign_tickets_open_nothing(door: LiveDoor, watcher: Watcher) -> None:
    good = ticket_for(1)
    bent = good[:10] + ("A" if good[10] != "A" else "B") + good[11:]
    for wrong in ("", "x", "%%%", "ä", good[:-2], good[::-1], bent):
        assert await refused(door, wrong) == 401
    assert await refused(door, ticket_for(1, secret="another installation's")) == 401
    assert await refused(door, ticket_for(1, now=time.time() - LIFE_SECONDS - 1)) == 401
    assert await refused(door, good, session="another-session") == 401
    assert await refused(door, good, session="") == 401
    assert await refused(door, good, method="POST") == 405
    assert watcher.looks == 0


@pytest.mark.requirement("P15")
async def test_a_stream_ends_with_its_ticket(door: LiveDoor, organizations: Organizations) -> None:
    """So whoever signs out or is removed hears no more after a minute at most: they get no other ticket."""
    org = organizations.make()
    almost_over = time.time() - LIFE_SECONDS + 1.5
    page = Page(door, ticket_for(org.org_id, now=almost_over))
    async with asyncio.timeout(5):
        await page.task
    assert page.ended
    assert page.bytes.endswith(b"event: over\ndata: over\n\n")


async def test_two_hundred_pages_cost_one_look_each_time(
    door: LiveDoor, watcher: Watcher, organizations: Organizations
) -> None:
    orgs = [organizations.make() for _ in range(20)]
    began = time.monotonic()
    pages = [Page(door, ticket_for(org.org_id, user_id=user)) for org in orgs for user in range(10)]
    await asyncio.gather(*(page.told(1) for page in pages))
    organizations.switch_ai(orgs[0].org_id, False)
    await asyncio.gather(*(page.told(2) for page in pages[:10]))
    assert watcher.looks <= 2 + (time.monotonic() - began) / 0.2
    assert all(len(page.states) == 1 for page in pages[10:])
    for page in pages:
        page.leave()
    await asyncio.gather(*(page.task for page in pages))
    looks = watcher.looks
    await asyncio.sleep(0.5)
    assert watcher.looks <= looks + 1


async def test_one_person_cannot_take_all_streams(door: LiveDoor, organizations: Organizations) -> None:
    ticket = ticket_for(organizations.make().org_id)
    pages = [Page(door, ticket) for _ in range(STREAMS_OF_ONE_PERSON)]
    await asyncio.sleep(0)
    assert await refused(door, ticket) == 429
    pages[0].leave()
    await pages[0].task
    again = Page(door, ticket)
    await again.told(1)
    for page in [*pages, again]:
        page.leave()
        await page.task
    assert {page.status for page in pages} == {200}


async def test_a_server_that_stops_ends_all_streams_at_once(door: LiveDoor, organizations: Organizations) -> None:
    org = organizations.make()
    pages = [Page(door, ticket_for(org.org_id)) for _ in range(3)]
    await pages[0].told(1)
    door.close()
    async with asyncio.timeout(1):
        await asyncio.gather(*(page.task for page in pages))
    assert all(page.ended for page in pages)
    assert await refused(door, ticket_for(org.org_id)) == 503


async def test_a_reader_that_takes_nothing_gets_only_the_newest(door: LiveDoor, organizations: Organizations) -> None:
    org = organizations.make()
    page = Page(door, ticket_for(org.org_id))
    await page.told(1)
    page.reads.clear()
    for number in range(3):
        use(organizations, org, f"while-slow-{number}", credits=1_000_000)
        await asyncio.sleep(0.25)
    page.reads.set()
    await page.told(2)
    page.leave()
    await page.task
    assert page.states[-1]["available"] == "297.00"
    assert len(page.states) <= 3
