"""Filters of the usage table: they find what they say, page by page, and cost the same whatever the history."""

import random
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from testkase.core.ledger import consumption, queries
from testkase.core.ledger.queries import UsageRow
from testkase.foundation.database import SyncDatabase
from tests.support.cluster import TestDatabase
from tests.support.usage import MINUTE, RARE_USE_CASE, RARE_USER, START, blocks, write_usage

SHORT, LONG = 1, 2
ROWS = {SHORT: 10_000, LONG: 150_000}


@pytest.fixture(scope="module")
def books(module_database: TestDatabase) -> Iterator[SyncDatabase]:
    """Two organizations: one with a short history, one with a long one."""
    with psycopg.connect(module_database.owner_url, autocommit=True) as owner:
        for org_id, rows in ROWS.items():
            write_usage(owner, org_id, rows)
        owner.execute("VACUUM ANALYZE ledger.usage, ledger.entry")
    database = SyncDatabase(module_database.app_url)
    yield database
    database.close()


def every_row(books: SyncDatabase, limit: int = 500, **filters: Any) -> list[UsageRow]:
    """All pages of the short history."""
    found: list[UsageRow] = []
    while True:
        before = found[-1].seq if found else None
        page = books.run(queries.usage_page(SHORT, limit=limit, before_seq=before, **filters), org_id=SHORT)
        found += page
        if len(page) < limit:
            return found


@pytest.mark.requirement("P11")
def test_any_filters_together_find_exactly_what_they_name(books: SyncDatabase) -> None:
    rows = every_row(books)
    assert len(rows) == ROWS[SHORT]
    choose = random.Random(11)
    for _ in range(25):
        use_case = choose.choice([None, "chat", "report", RARE_USE_CASE, "nothing"])
        user = choose.choice([None, "user3@example.com", RARE_USER, "nobody@example.com"])
        project = choose.choice([None, "SHOP", "CRM", consumption.NO_PROJECT, "NONE"])
        since = choose.choice([None, START + choose.randrange(ROWS[SHORT]) * MINUTE + choose.choice([-1, 0, 1])])
        until = choose.choice([None, START + choose.randrange(ROWS[SHORT]) * MINUTE + choose.choice([-1, 0, 1])])
        expected = [
            row.seq
            for row in rows
            if use_case in (None, row.use_case)
            and user in (None, row.user)
            and project in (None, row.project or "")
            and (since is None or row.at >= since)
            and (until is None or row.at < until)
        ]
        found = every_row(
            books, choose.choice([51, 500]), use_case=use_case, user=user, project=project, since=since, until=until
        )
        assert [row.seq for row in found] == expected


def test_the_choices_of_a_filter_are_what_occurs(books: SyncDatabase) -> None:
    rows = every_row(books)
    kinds = books.run(consumption.kinds_of(SHORT), org_id=SHORT)
    assert {(kind.use_case, kind.project) for kind in kinds} == {(row.use_case, row.project or "") for row in rows}
    assert len(kinds) == len(set(kinds))
    assert books.run(consumption.users_of(SHORT, limit=500), org_id=SHORT) == sorted({row.user for row in rows})


FILTERS: list[dict[str, Any]] = [
    {},
    {"use_case": "chat"},
    {"use_case": RARE_USE_CASE},
    {"user": RARE_USER},
    {"user": "user3@example.com", "use_case": RARE_USE_CASE},
    {"user": "user3@example.com", "project": "SHOP"},
    {"project": consumption.NO_PROJECT},
    {"project": "SHOP", "use_case": "report"},
    {"since": START + 100 * MINUTE, "until": START + 200 * MINUTE},
    {"use_case": "report", "since": START, "until": START + 200 * MINUTE},
]


@pytest.mark.requirement("P11")
@pytest.mark.parametrize("filters", FILTERS, ids=str)
def test_a_page_reads_as_little_of_a_long_history_as_of_a_short_one(
    books: SyncDatabase, filters: dict[str, Any]
) -> None:
    short, long = (blocks(books, org, queries.usage_page(org, limit=51, **filters)) for org in (SHORT, LONG))
    assert long <= 1.3 * short + 60, (short, long)


def test_the_choices_cost_what_there_is_to_choose_from(books: SyncDatabase) -> None:
    for make in (lambda org: consumption.users_of(org, limit=500), consumption.kinds_of):
        short, long = (blocks(books, org, make(org)) for org in (SHORT, LONG))
        assert long <= 1.3 * short + 60, (short, long)
