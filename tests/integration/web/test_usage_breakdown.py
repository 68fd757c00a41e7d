"""Cards, breakdown, table and CSV agree to the micro-credit, whatever is filtered and however it is paged."""

import csv
import io
import random
import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from testkase.core.ledger import operations as ledger
from testkase.core.ledger import queries
from testkase.core.ledger.commands import Command, Grant, RecordUsage
from testkase.core.ledger.credits import MICRO, format_credits, parse_credits
from testkase.core.ledger.model import Subject
from testkase.core.ledger.queries import UsageRow
from testkase.foundation.database import Operation
from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on

PAGE = "/settings/ai-credits"
CSV = "/settings/ai-credits/usage.csv"
FORMULAS = ("=HYPERLINK(1)", "+1+1", "-2", "@SUM(A1)")
USE_CASES = ("test_generation", "chat", "report", "nightly-import", "nightly_import", "=1+1")
PROJECTS = ("SHOP", "APP", None, "@SUM(A1)", "-2")
CALLS = 640


@pytest.fixture(scope="module")
def month(module_database: TestDatabase) -> Iterator[Visitors]:
    """The demo organization after a busy month of many people, some of them named to be run by a spreadsheet."""
    with django_on(module_database):
        visitors = visiting()
        emails = [*visitors.demo.emails.values(), *FORMULAS, *(f"guest{number}@else.example" for number in range(8))]
        choose = random.Random(54)
        org_id = visitors.demo.org_id
        commands: list[Command] = [Grant(org_id=org_id, grant_id="plenty", amount=10_000 * MICRO)]
        commands += [
            RecordUsage(
                org_id=org_id,
                usage_id=f"call-{number}",
                subject=Subject(
                    use_case=choose.choice(USE_CASES), user=choose.choice(emails), project=choose.choice(PROJECTS)
                ),
                credits=choose.choice([0, 1, 10_000, choose.randrange(9 * MICRO)]),
            )
            for number in range(CALLS)
        ]
        in_tenant(visitors, ledger.execute(commands))
        yield visitors


def in_tenant(visitors: Visitors, operation: Operation[Any]) -> Any:
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    with tenant_transaction(visitors.demo.org_id):
        return run_here(operation)


def table(visitors: Visitors) -> list[UsageRow]:
    """Every row of the ledger's usage, newest first."""
    rows: list[UsageRow] = []
    while page := in_tenant(
        visitors, queries.usage_page(visitors.demo.org_id, limit=500, before_seq=rows[-1].seq if rows else None)
    ):
        rows += page
    return rows


def receipts(client: Client, query: str = "") -> list[int]:
    """Receipt numbers of the page and of all that "Show older" brings."""
    text = client.get(f"{PAGE}?{query}").content.decode()
    found = re.findall(r'receipts/(\d+)" hx-get', text)
    while more := re.search(r'hx-get="(/settings/ai-credits/usage\?before=[^"]+)"', text):
        text = client.get(more[1].replace("&amp;", "&")).content.decode()
        found += re.findall(r'receipts/(\d+)" hx-get', text)
    return [int(number) for number in found]


def exported(client: Client, query: str = "") -> list[dict[str, str]]:
    text = b"".join(client.get(f"{CSV}?{query}").streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


def amounts(html: str) -> list[int]:
    return [parse_credits(text.replace(",", "")) for text in re.findall(r">([\d,]+\.\d{2,6})<", html)]


@pytest.mark.requirement("R54", "P11", "I11")
@pytest.mark.parametrize("by", ["use_case", "user", "project"])
def test_cards_breakdown_table_and_csv_agree_to_the_micro_credit(month: Visitors, by: str) -> None:
    owner = month.client_of("owner")
    balance = in_tenant(month, queries.balance(month.demo.org_id))
    text = owner.get(f"{PAGE}?by={by}").content.decode()
    lines = re.search(r'table--parts">.*?<tbody>(.*?)</tbody>.*?<tfoot>(.*?)</tfoot>', text, re.DOTALL)
    assert lines is not None
    days = re.search(r'class="figures".*?<tbody>(.*?)</tbody>', text, re.DOTALL)
    assert days is not None
    by_day = [amounts(line) for line in days[1].split("</tr>") if "<td" in line]
    rows = table(month)
    assert len(rows) == CALLS
    sums = {
        "card": balance.period_used,
        "breakdown": sum(amounts(lines[1])),
        "total": amounts(lines[2])[0],
        "days": sum(line[-1] for line in by_day),
        "cells": sum(sum(line[:-1]) for line in by_day),
        "table": sum(row.charged for row in rows),
        "csv": sum(parse_credits(row["Credits Consumed"]) for row in exported(owner)),
    }
    assert set(sums.values()) == {balance.period_used}, sums


@pytest.mark.requirement("P11")
def test_the_table_and_the_csv_have_the_same_rows_under_any_filter(month: Visitors) -> None:
    admin = month.client_of("admin")
    rows = table(month)
    choose = random.Random(46)
    for _ in range(6):
        use_case, user, project = choose.choice(USE_CASES), choose.choice(rows).user, choose.choice(PROJECTS) or "—"
        for query, expected in (
            (f"use_case={quote(use_case)}", [row for row in rows if row.use_case == use_case]),
            (f"user={quote(user)}", [row for row in rows if row.user == user]),
            (
                f"project={quote(project)}&use_case={quote(use_case)}",
                [row for row in rows if (row.project or "—") == project and row.use_case == use_case],
            ),
        ):
            assert receipts(admin, query) == [row.seq for row in expected]
            assert [int(row["Receipt"]) for row in exported(admin, query)] == [row.seq for row in expected]


@pytest.mark.requirement("P11", "R54")
def test_every_part_of_the_breakdown_can_be_added_up_from_the_csv_alone(month: Visitors) -> None:
    """Two use cases of one name could not be told apart there, and the statement has a line for each."""
    told: Counter[tuple[str, str]] = Counter()
    for row in exported(month.client_of("owner")):
        told[row["Use case key"].lstrip("'"), row["Project key"].lstrip("'")] += parse_credits(row["Credits Consumed"])
    kept: Counter[tuple[str, str]] = Counter()
    for one in table(month):
        kept[one.use_case, one.project or ""] += one.charged
    assert told == kept


@pytest.mark.requirement("P11")
def test_days_are_the_viewers(month: Visitors) -> None:
    owner = month.client_of("owner")
    seqs = [row.seq for row in table(month)]
    for zone in ("UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"):
        owner.cookies["timezone"] = zone
        with timezone.override(zone):
            today = timezone.localdate()
        assert receipts(owner, f"from={today}&to={today}") == seqs
        assert receipts(owner, f"from={today + timedelta(days=1)}") == []
        assert receipts(owner, f"to={today - timedelta(days=1)}") == []


def test_a_filter_that_finds_nothing_says_so_and_can_be_cleared(month: Visitors) -> None:
    page = month.client_of("member").get(f"{PAGE}?user=nobody@example.com").content.decode()
    assert "No interactions match" in page
    assert "Clear filters" in page
    backwards = month.client_of("member").get(f"{PAGE}?from=2026-02-02&to=2026-02-01").content.decode()
    assert "The first day is after the last one." in backwards


@pytest.mark.parametrize(
    "query", ["from=yesterday", "from=0001-01-01&to=9999-12-31", "user=%00", f"use_case={'x' * 4000}", "by=password"]
)
def test_a_filter_that_makes_no_sense_is_left_out(month: Visitors, query: str) -> None:
    assert "No interactions match" not in month.client_of("member").get(f"{PAGE}?{query}").content.decode()


@pytest.mark.requirement("P11")
def test_no_cell_of_the_csv_begins_a_formula(month: Visitors) -> None:
    rows = exported(month.client_of("owner"))
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert {"'" + formula for formula in FORMULAS} <= {row["Email"] for row in rows}


@pytest.mark.requirement("P11", "R39")
def test_only_owner_and_admins_take_everyones_usage_away(month: Visitors) -> None:
    statuses = {role: month.client_of(role).get(CSV).status_code for role in ("owner", "admin", "member")}
    assert statuses == {"owner": 200, "admin": 200, "member": 403}
    assert "Export CSV" in month.client_of("admin").get(PAGE).content.decode()
    assert "Export CSV" not in month.client_of("member").get(PAGE).content.decode()


@pytest.mark.requirement("R46", "R53", "P11")
def test_an_open_page_asks_only_for_what_is_new_and_keeps_its_filters(month: Visitors) -> None:
    owner = month.client_of("owner")
    rows = [row for row in table(month) if row.use_case == "chat"]
    page = owner.get(f"{PAGE}?use_case=chat").content.decode()
    asks = re.search(r'id="usage-news" hidden hx-get="([^"]+)"', page)
    assert asks is not None
    assert asks[1] == f"{PAGE}/usage?after={rows[0].seq}&amp;use_case=chat"
    quiet = owner.get(asks[1].replace("&amp;", "&")).content.decode()
    assert "receipts/" not in quiet
    assert asks[1] in quiet, "and goes on asking from there"
    later = owner.get(f"{PAGE}/usage?after={rows[3].seq}&use_case=chat").content.decode()
    assert [int(seq) for seq in re.findall(r'receipts/(\d+)" hx-get', later)] == [row.seq for row in rows[:3]]
    assert asks[1] in later
    assert "More is new" in owner.get(f"{PAGE}/usage?after=1").content.decode(), "more than a page of them"
    assert "usage-news" not in owner.get(f"{PAGE}?before={rows[3].seq}").content.decode(), "older rows stay as they are"


@pytest.mark.requirement("R43", "I11")
def test_parts_of_the_page_renew_themselves_alone(month: Visitors) -> None:
    owner = month.client_of("owner")
    cards = owner.get(f"{PAGE}/summary").content.decode()
    assert cards.count("card figure") == 2
    assert "<html" not in cards
    renewed = owner.get(f"{PAGE}/breakdown?by=user&user=nobody@example.com").content.decode()
    assert 'aria-current="true">By user' in renewed
    assert 'id="history"' in renewed
    assert f"{PAGE}?by=project&amp;user=nobody" in renewed, "the address it leads to is the page's, filters and all"
    used = in_tenant(month, queries.balance(month.demo.org_id)).period_used
    assert f"{format_credits(used)}" in renewed.replace(",", "")
