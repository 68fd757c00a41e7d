"""One history of AI actions and changes: merged by time, filtered, paged, and as cheap when it is long."""

import random
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from testkase.core.ledger import operations
from testkase.core.ledger.commands import RecordUsage
from testkase.core.ledger.model import Subject
from testkase.foundation.database import SyncDatabase
from testkase.services.audit import Activity, Actor, record
from testkase.services.audit.finding import actors_of, subjects_of
from testkase.services.audit.history import KINDS, Event, Place, Wanted, history_page
from tests.support.activity import RARE_ACTOR, write_activity
from tests.support.cluster import TestDatabase
from tests.support.usage import MINUTE, RARE_USE_CASE, START, blocks, write_usage

SHORT, LONG = 1, 2
ROWS = {SHORT: 4_000, LONG: 40_000}


@pytest.fixture(scope="module")
def books(module_database: TestDatabase) -> Iterator[SyncDatabase]:
    """Two organizations: one with a short history, one with a long one."""
    with psycopg.connect(module_database.owner_url, autocommit=True) as owner:
        for org_id, rows in ROWS.items():
            write_usage(owner, org_id, rows)
            write_activity(owner, org_id, rows, start=START + MINUTE // 2, step=MINUTE)
        owner.execute("VACUUM ANALYZE ledger.usage, ledger.entry, activity")
    database = SyncDatabase(module_database.app_url)
    yield database
    database.close()


def events(books: SyncDatabase, wanted: Wanted, limit: int = 499) -> list[Event]:
    """All pages of the short history."""
    found: list[Event] = []
    after: Place | None = None
    while True:
        page = books.run(history_page(SHORT, wanted, limit=limit, after=after), org_id=SHORT)
        found += page.events
        if page.next is None:
            return found
        assert len(page.events) == limit
        after = Place.parse(str(page.next))


def facts(event: Event) -> tuple[str, str, str, str, int]:
    """Kind, user, use case, project and instant of an event."""
    if event.usage is not None:
        row = event.usage
        return "ai", row.user, row.use_case, row.project or "", row.at
    assert event.change is not None
    change = event.change.record
    return change.category, change.actor_ref, change.use_case, change.project, change.at


@pytest.mark.requirement("R74", "R75")
def test_any_filters_together_find_exactly_what_they_name_newest_first(books: SyncDatabase) -> None:
    everything = events(books, Wanted())
    assert len(everything) == 2 * ROWS[SHORT]
    assert [one.at for one in everything] == sorted((one.at for one in everything), reverse=True)
    choose = random.Random(74)
    for _ in range(20):
        span = sorted(START + choose.randrange(ROWS[SHORT]) * MINUTE + choose.choice([0, 1]) for _ in range(2))
        wanted = Wanted(
            kind=choose.choice([None, *KINDS]),
            user=choose.choice([None, "user3@example.com", RARE_ACTOR, "nobody@example.com"]),
            use_case=choose.choice([None, None, "chat", RARE_USE_CASE]),
            project=choose.choice([None, None, "SHOP", ""]),
            since=choose.choice([None, span[0]]),
            until=choose.choice([None, span[1]]),
        )
        expected = [one.id for one in everything if fits(one, wanted)]
        assert [one.id for one in events(books, wanted, choose.choice([7, 499]))] == expected, wanted


def fits(event: Event, wanted: Wanted) -> bool:
    kind, user, use_case, project, at = facts(event)
    return (
        wanted.kind in (None, kind)
        and wanted.user in (None, user)
        and wanted.use_case in (None, use_case)
        and wanted.project in (None, project)
        and (wanted.since is None or at >= wanted.since)
        and (wanted.until is None or at < wanted.until)
    )


FILTERS: list[dict[str, Any]] = [
    {},
    {"kind": "money"},
    {"kind": "keys", "project": "CRM"},
    {"user": RARE_ACTOR},
    {"user": "user3@example.com", "project": "SHOP"},
    {"project": ""},
    {"use_case": "chat"},
    {"since": START + 100 * MINUTE, "until": START + 200 * MINUTE},
    {"kind": "settings", "since": START, "until": START + 200 * MINUTE},
]


@pytest.mark.requirement("R75")
@pytest.mark.parametrize("filters", FILTERS, ids=str)
@pytest.mark.parametrize("deep", [False, True], ids=["first page", "deep page"])
def test_a_page_reads_as_little_of_a_long_history_as_of_a_short_one(
    books: SyncDatabase, filters: dict[str, Any], deep: bool
) -> None:
    wanted, places = Wanted(**filters), {SHORT: ROWS[SHORT] - 10, LONG: ROWS[LONG] // 2}
    short, long = (
        blocks(books, org, history_page(org, wanted, limit=10, after=Place(place, place) if deep else None))
        for org, place in places.items()
    )
    assert long <= 2 * short + 50, (short, long)


def test_the_choices_cost_what_there_is_to_choose_from(books: SyncDatabase) -> None:
    assert len(books.run(actors_of(SHORT, limit=500), org_id=SHORT)) == 21
    for make in (lambda org: actors_of(org, limit=500), subjects_of):
        short, long = (blocks(books, org, make(org)) for org in (SHORT, LONG))
        assert long <= 2 * short + 50, (short, long)


@pytest.mark.requirement("R75")
def test_what_is_written_meanwhile_moves_nothing(module_database: TestDatabase, books: SyncDatabase) -> None:
    org_id = 3
    with psycopg.connect(module_database.owner_url, autocommit=True) as owner:
        write_usage(owner, org_id, 10)
    write(books, org_id, 5)
    before = [one.id for one in books.run(history_page(org_id, Wanted(), limit=400), org_id=org_id).events]
    seen: list[str] = []
    after: Place | None = None
    while True:
        page = books.run(history_page(org_id, Wanted(), limit=2, after=after), org_id=org_id)
        seen += [one.id for one in page.events]
        if page.next is None:
            break
        after = page.next
        write(books, org_id, 1)
    assert seen == before
    assert len(books.run(history_page(org_id, Wanted(), limit=400), org_id=org_id).events) > len(before)


def write(books: SyncDatabase, org_id: int, times: int) -> None:
    """A change and an AI action, so many times."""
    ana = Actor(kind="person", ref="ana@example.com", name="Ana")
    for _ in range(times):
        number = random.getrandbits(60)
        books.run(record(org_id, Activity(action="ai.switched_off", actor=ana)), org_id=org_id)
        subject = Subject(use_case="chat", user="ana@example.com")
        used = RecordUsage(org_id=org_id, usage_id=f"u{number}", subject=subject, credits=0)
        books.run(operations.execute_one(used), org_id=org_id)


@pytest.mark.parametrize("text", [None, "", "1", "1.2.3", "-1.2", "a.b", f"{2**63}.1", "1." + "9" * 30, "٣.٤"])
def test_what_names_no_place_is_none(text: str | None) -> None:
    assert Place.parse(text) is None
