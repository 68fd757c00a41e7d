"""Days that are over are summed up, and nobody who reads can tell how far that has come."""

import random
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest

from testkase.core.ledger import commands as ask
from testkase.core.ledger import queries
from testkase.core.ledger.calendar import local_day, period, to_micros
from testkase.core.ledger.closing import close_days, open_days
from testkase.core.ledger.consumption import Part, usage_by_day
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute
from testkase.core.ledger.outlook import daily_charges
from testkase.core.ledger.statement import statement, statements
from testkase.core.ledger.verify import verify
from testkase.foundation.database import Operation, SyncDatabase
from tests.support.cluster import TestDatabase
from tests.support.ledger import fresh_org, open_account
from tests.support.usage import blocks

START = to_micros(datetime(2026, 1, 1, tzinfo=UTC))
DAY = 86_400 * MICRO
DAYS = 75
PEOPLE = 12
ZONE = "Asia/Kolkata"


@pytest.fixture
def books(database: TestDatabase) -> Iterator[SyncDatabase]:
    driver = SyncDatabase(database.app_url)
    yield driver
    driver.close()


@pytest.fixture
def used(books: SyncDatabase) -> int:
    """An organization after eleven weeks of a dozen people, its months beginning on the last day of each."""
    org_id, dice = fresh_org(), random.Random(7)
    books.run(execute([open_account(org_id, 9_000, anchor_day=31, time_zone=ZONE)], clock=START))
    for day in range(DAYS):
        if dice.random() < 0.8:
            spend(books, org_id, START + day * DAY + dice.randrange(DAY // 2), dice, times=8)
    return org_id


def spend(books: SyncDatabase, org_id: int, at: int, dice: random.Random, *, times: int) -> None:
    books.run(execute([_call(org_id, f"{at}-{number}", dice) for number in range(times)], clock=at))


def _call(org_id: int, name: str, dice: random.Random) -> ask.Command:
    subject = Subject(
        use_case=dice.choice(["chat", "report", "nightly"]),
        user=f"person{dice.randrange(PEOPLE)}@example.com",
        project=dice.choice(["WEB", "APP", None]),
    )
    return ask.RecordUsage(org_id=org_id, usage_id=name, subject=subject, credits=dice.randrange(MICRO))


def everything(books: SyncDatabase, org_id: int) -> dict[str, Any]:
    """All that is read from the days."""

    def read(operation: Operation[Any]) -> Any:
        return books.run(operation, org_id=org_id)

    standing = read(queries.balance(org_id))
    now = standing.last_at + 3600 * MICRO
    told: dict[str, Any] = {
        "summary": read(queries.usage_summary(org_id)),
        "all": read(daily_charges(standing, now=now)),
        "feature": read(daily_charges(standing, now=now, use_case="chat")),
        "user": read(daily_charges(standing, now=now, user="person3@example.com")),
        "no project": read(daily_charges(standing, now=now, project="")),
        "both": read(daily_charges(standing, now=now, user="person3@example.com", project="WEB")),
    }
    began = standing.first_day(standing.period_number)
    for part in Part:
        for most, first in ((5, began), (99, began), (5, began - timedelta(days=9))):
            asked = usage_by_day(org_id, part, first_day=first, most=most, back_to=first - timedelta(days=30))
            told[f"{part} {most} {first}"] = sorted(map(msgspec.json.encode, read(asked)))
    for month in read(statements(standing)):
        told[month.name] = read(statement(standing, month.name))
    return told


@pytest.mark.requirement("I11", "B7", "B12", "R54")
def test_what_is_read_is_the_same_however_far_days_are_summed_up(books: SyncDatabase, used: int) -> None:
    before = everything(books, used)
    assert len(before["2026-02"].parts[Part.USER]) == PEOPLE
    assert any(b'"part":null' in row for row in before[f"user 5 {_first_day(books, used)}"])
    closed = 0
    while days := books.run(close_days(used, most=11)):
        closed += days
        assert everything(books, used) == before
        assert books.run(verify(used), org_id=used) == []
    assert DAYS - 7 < closed < DAYS


def _first_day(books: SyncDatabase, org_id: int) -> date:
    standing = books.run(queries.balance(org_id), org_id=org_id)
    return standing.first_day(standing.period_number)


@pytest.mark.requirement("I11")
def test_what_is_used_after_days_are_summed_up_counts_like_before(books: SyncDatabase, used: int) -> None:
    """Two organizations with the same calls, one of them summed up after each day."""
    other, dices = fresh_org(), (random.Random(1), random.Random(1))
    books.run(close_days(used))
    for day in range(DAYS, DAYS + 40, 3):
        spend(books, used, START + day * DAY, dices[0], times=5)
        books.run(close_days(used))
    summed = everything(books, used)
    books.run(execute([open_account(other, 9_000, anchor_day=31, time_zone=ZONE)], clock=START))
    dice = random.Random(7)
    for day in range(DAYS):
        if dice.random() < 0.8:
            spend(books, other, START + day * DAY + dice.randrange(DAY // 2), dice, times=8)
    for day in range(DAYS, DAYS + 40, 3):
        spend(books, other, START + day * DAY, dices[1], times=5)
    assert everything(books, other) == summed
    assert books.run(verify(used), org_id=used) == []


@pytest.mark.requirement("I11")
def test_a_day_to_which_something_may_still_be_posted_is_not_summed_up(
    books: SyncDatabase, used: int, owner_url: str
) -> None:
    books.run(close_days(used))
    with psycopg.connect(owner_url) as owner:
        (newest, before) = owner.execute(
            "SELECT (SELECT max(day) FROM ledger.usage_day WHERE org_id = %(org)s),"
            " (SELECT before FROM ledger.usage_closed WHERE org_id = %(org)s)",
            {"org": used},
        ).fetchone() or (None, None)
    assert newest is not None
    assert before == newest - timedelta(days=1)
    assert books.run(close_days(used)) == 0


def test_only_organizations_with_days_that_are_over_are_named(books: SyncDatabase, used: int) -> None:
    new, silent = fresh_org(), fresh_org()
    books.run(execute([open_account(new), open_account(silent)], clock=START))
    spend(books, new, START, random.Random(1), times=3)
    named = books.run(open_days(used - 1))
    assert named[0] == used
    assert silent not in named
    for org_id in (used, new):
        books.run(close_days(org_id))
    assert not {used, new} & set(books.run(open_days(used - 1)))
    assert books.run(close_days(silent)) == 0
    assert books.run(close_days(fresh_org())) == 0


@pytest.mark.requirement("I11")
def test_two_who_sum_up_at_once_add_no_day_twice(books: SyncDatabase, used: int) -> None:
    before = everything(books, used)
    with ThreadPoolExecutor(4) as workers:
        closed = sum(workers.map(lambda _: books.run(close_days(used, most=13)), range(8)))
    assert DAYS - 7 < closed < DAYS
    assert everything(books, used) == before
    assert books.run(verify(used), org_id=used) == []


@pytest.mark.requirement("P4")
@pytest.mark.parametrize("anchor", [1, 15, 28, 29, 30, 31])
def test_the_database_begins_months_on_the_days_on_which_the_calendar_does(owner_url: str, anchor: int) -> None:
    begins: dict[date, date] = {}
    for number in range(60):
        start, end = (date.fromisoformat(local_day(ZONE, at)) for at in period(anchor, ZONE, 2026 * 12, number))
        begins |= {start + timedelta(days=index): start for index in range((end - start).days)}
    with psycopg.connect(owner_url) as owner:
        rows = owner.execute(
            "SELECT day, ledger.period_day(%s, day) FROM unnest(%s::date[]) AS day", [anchor, list(begins)]
        ).fetchall()
    assert dict(rows) == begins


TAMPERINGS = [
    "UPDATE ledger.usage_part_day SET charged = charged + 1 WHERE day = (SELECT min(day) FROM ledger.usage_part_day)",
    "UPDATE ledger.usage_part_day SET interactions = interactions + 1 WHERE by = 'all'",
    "DELETE FROM ledger.usage_part_day WHERE by = 'user' AND part = 'person3@example.com'",
    "UPDATE ledger.usage_part_day SET day = day - 400 WHERE by = 'project' AND part = ''",
    "UPDATE ledger.usage_part_period SET charged = charged - 1 WHERE by = 'project'",
    "UPDATE ledger.usage_part_period SET output_tokens = output_tokens + 1",
    "UPDATE ledger.usage_part_period SET first_day = first_day + 1",
    "DELETE FROM ledger.usage_part_period WHERE by = 'use_case' AND part = 'chat'",
    "UPDATE ledger.usage_closed SET before = before + 1",
    "UPDATE ledger.usage_closed SET before = before - 9",
    "UPDATE ledger.usage_closed SET before = 'infinity'",
    "DELETE FROM ledger.usage_closed",
]


@pytest.mark.requirement("I11", "B4")
@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_sums_that_somebody_changed_are_found(books: SyncDatabase, used: int, owner_url: str, tampering: str) -> None:
    books.run(close_days(used))
    with psycopg.connect(owner_url) as owner:
        where = " AND org_id = %s" if " WHERE " in tampering else " WHERE org_id = %s"
        assert owner.execute((tampering + where).encode(), [used]).rowcount > 0
    found = books.run(verify(used), org_id=used)
    assert {each.invariant for each in found} == {"I11"}


@pytest.mark.requirement("I11", "B4")
@pytest.mark.parametrize(
    ("days", "moved", "alarms"), [((0,), -1, 1), ((0,), 1, 1), ((0, 10), 1, 1), ((0, 10), 0, 0), ((0, 10), -8, 0)]
)
def test_an_end_of_the_sums_where_none_can_be_is_found_and_one_among_days_without_use_is_none(
    books: SyncDatabase, owner_url: str, days: tuple[int, ...], moved: int, alarms: int
) -> None:
    """The day before the newest is left open, used or not; and no sum that is there tells where it ends."""
    org_id = fresh_org()
    books.run(execute([open_account(org_id, 9_000, time_zone=ZONE)], clock=START))
    for day in days:
        spend(books, org_id, START + day * DAY, random.Random(1), times=1)
    books.run(close_days(org_id))
    with psycopg.connect(owner_url) as owner:
        owner.execute("UPDATE ledger.usage_closed SET before = before + %s WHERE org_id = %s", [moved, org_id])
    found = [each for each in books.run(verify(org_id), org_id=org_id) if "cannot be" in each.found]
    assert [each.invariant for each in found] == ["I11"] * alarms


@pytest.mark.requirement("I11")
def test_sums_that_are_taken_away_are_made_anew(books: SyncDatabase, used: int, owner_url: str) -> None:
    before = everything(books, used)
    closed = books.run(close_days(used))
    with psycopg.connect(owner_url) as owner:
        for table in ("usage_closed", "usage_part_day", "usage_part_period"):
            owner.execute(f"DELETE FROM ledger.{table} WHERE org_id = %s".encode(), [used])
    assert everything(books, used) == before
    assert books.run(verify(used), org_id=used) == []
    assert books.run(close_days(used)) == closed
    assert everything(books, used) == before


@pytest.mark.requirement("I11")
@pytest.mark.parametrize("values", [{"charged": -1}, {"interactions": 0}, {"input_tokens": -1}, {"output_tokens": -1}])
@pytest.mark.parametrize("table", ["usage_part_day", "usage_part_period"])
def test_no_sum_breaks_the_rules_of_days(owner_url: str, table: str, values: dict[str, int]) -> None:
    row: dict[str, Any] = {"org_id": 1, "by": "user", "part": "p", "interactions": 1, "charged": 1, "input_tokens": 1,
                           "output_tokens": 1, "day": "2026-01-01", "first_day": "2026-01-01"}  # fmt: skip
    with psycopg.connect(owner_url) as writer:
        writer.execute("SET ROLE testkase_ledger")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            writer.execute(
                f"INSERT INTO ledger.{table} SELECT * FROM json_populate_record(NULL::ledger.{table}, %s)".encode(),
                [msgspec.json.encode(row | values).decode()],
            )


@pytest.mark.requirement("R54")
def test_a_page_reads_what_it_shows_and_not_what_the_days_tell_apart(
    books: SyncDatabase, used: int, owner_url: str
) -> None:
    """The breakdown by user, over days with hundreds of users."""
    first = _first_day(books, used)
    read: dict[int, int] = defaultdict(int)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(
            "INSERT INTO ledger.usage_day SELECT %s, day, 'chat', 'guest' || n, 'P' || n %% 9, 1, 1000 + n, 10, 10"
            " FROM generate_series('2026-01-01'::date, '2026-03-17', '1 day') AS day, generate_series(1, 300) AS n",
            [used],
        )
        for closed in (0, 1):
            owner.execute(
                "VACUUM ANALYZE ledger.usage_day, ledger.usage_part_day, ledger.usage_part_period, ledger.usage_closed"
            )
            asked = usage_by_day(used, Part.USER, first_day=first, most=8)
            read[closed] = blocks(books, used, asked)
            books.run(close_days(used))
    assert read[1] < read[0] // 2, read
