"""What the AI Credits page asks the database, and that what it reads once serves all of its parts."""

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch

import psycopg
import pytest

from testkase.core.ledger import operations as ledger
from testkase.core.ledger.commands import RecordUsage
from testkase.core.ledger.consumption import DayPart, Part, usage_by_day
from testkase.core.ledger.model import Subject
from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on

PAGE = "/settings/ai-credits"
PEOPLE, PROJECTS, DAYS = 12, 10, 60


@pytest.fixture(scope="module")
def team(module_database: TestDatabase) -> Iterator[Visitors]:
    """The demo organization after two months of twelve people in ten projects, and a call of each today."""
    with django_on(module_database):
        visitors = visiting()
        org_id = visitors.demo.org_id
        calls = [
            RecordUsage(
                org_id=org_id,
                usage_id=f"call-{number}",
                subject=Subject(use_case="chat", user=f"guest{number}@else.example", project=f"P{number % PROJECTS}"),
                credits=10_000,
            )
            for number in range(PEOPLE)
        ]
        in_tenant(visitors, ledger.execute(calls))
        with psycopg.connect(module_database.owner_url) as owner:
            owner.execute(
                "INSERT INTO ledger.usage_day SELECT %s, %s::date - back, 'chat', 'guest' || n || '@else.example',"
                " 'P' || p, 1, 1000 * (n + 1) + p + back, 10, 10"
                " FROM generate_series(1, %s) AS back, generate_series(0, %s) AS n, generate_series(0, %s) AS p",
                [org_id, today(), DAYS, PEOPLE - 1, PROJECTS - 1],
            )
        yield visitors


def in_tenant(visitors: Visitors, operation: Any) -> Any:
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    with tenant_transaction(visitors.demo.org_id):
        return run_here(operation)


def today() -> date:
    return datetime.now(UTC).date()


@contextmanager
def statements() -> Iterator[list[str]]:
    """What any connection is asked meanwhile."""
    asked: list[str] = []
    execute = psycopg.Cursor.execute

    def noting(cursor: Any, query: Any, *args: Any, **more: Any) -> Any:
        asked.append(str(query))
        return execute(cursor, query, *args, **more)

    with patch.object(psycopg.Cursor, "execute", noting):
        yield asked


BUDGETS = {
    "": 19,
    "?by=user": 20,
    "?by=project": 20,
    "?use_case=chat": 21,
    "?user=guest3@else.example&project=P3": 21,
    "?before=9": 19,
    "/summary": 8,
    "/breakdown": 7,
    "/usage?before=9": 8,
}


@pytest.mark.parametrize("address", BUDGETS)
def test_a_page_asks_the_database_no_more_often_than_it_did(team: Visitors, address: str) -> None:
    owner = team.client_of("owner")
    owner.get(PAGE)
    with statements() as asked:
        assert owner.get(PAGE + address).status_code == 200
    assert len(asked) <= BUDGETS[address], "\n".join(asked)


@pytest.mark.requirement("B7", "I11")
@pytest.mark.parametrize("by", Part)
def test_days_read_once_say_the_same_as_days_read_for_each_part(team: Visitors, by: Part) -> None:
    owner = team.client_of("owner")
    whole = owner.get(f"{PAGE}?by={by}").content.decode()
    assert "going by the last 8 weeks" in whole
    assert need(whole) == need(owner.get(f"{PAGE}/summary").content.decode())
    assert figures(whole) == figures(owner.get(f"{PAGE}/breakdown?by={by}").content.decode())


def need(text: str) -> str:
    found = re.search(r"Likely to be used until .*? weeks", text, re.DOTALL)
    assert found is not None
    return found[0]


def figures(text: str) -> str:
    return text[text.index("table--parts") : text.index("</details>", text.index("table--parts"))]


@pytest.mark.requirement("I11")
def test_the_largest_parts_are_told_apart_and_the_others_and_days_before_are_summed_up(team: Visitors) -> None:
    first = today() - timedelta(days=20)

    def days(most: int, back_to: date | None = None) -> list[DayPart]:
        asked = usage_by_day(team.demo.org_id, Part.USER, first_day=first, most=most, back_to=back_to)
        found: list[DayPart] = in_tenant(team, asked)
        return found

    apart = days(PEOPLE)
    assert {row.part for row in apart} == {f"guest{number}@else.example" for number in range(PEOPLE)}
    some = days(5, back_to=first - timedelta(days=30))
    named = {f"guest{number}@else.example" for number in range(PEOPLE - 4, PEOPLE)}
    assert {row.part for row in some if row.day >= first} == named | {None}
    assert {row for row in some if row.part is not None} == {row for row in apart if row.part in named}
    assert sums(row for row in some if row.day >= first) == sums(apart)
    before = [row for row in some if row.day < first]
    assert {row.part for row in before} == {None}
    assert sorted(row.day for row in before) == [first - timedelta(days=back) for back in range(30, 0, -1)]
    assert all(row.interactions == PEOPLE * PROJECTS for row in before)


def sums(rows: Any) -> dict[date, tuple[int, int]]:
    found: dict[date, tuple[int, int]] = defaultdict(lambda: (0, 0))
    for row in rows:
        calls, charged = found[row.day]
        found[row.day] = (calls + row.interactions, charged + row.charged)
    return found
