"""Statements on the page, as CSV and as PDF: the same figures everywhere, for those who may."""

import csv
import io
import re
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from testkase.core.ledger.calendar import from_micros
from testkase.core.ledger.commands import Adjust, Grant, RecordUsage, Reverse, Touch
from testkase.core.ledger.credits import MICRO, parse_credits
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute, execute_one
from testkase.core.ledger.statement import PeriodStatement
from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on
from tests.support.pdf import pdf_lefts, pdf_text
from tests.support.people import models, stranger

STATEMENTS = "/settings/ai-credits/statements"
DAY = 86_400 * MICRO
MINUTE = 60_000_000
FORMULA = "=cmd|' /C calc'!A0"


@pytest.fixture(scope="module")
def books(module_database: TestDatabase) -> Iterator[Visitors]:
    """The demo organization, forty days on: a month closed, with purchases, a refund, usage and a slip, one running.
    The grant expires within its month, on the last day too."""
    with django_on(module_database):
        from testkase.services.organizations.tenancy import run_here, tenant_transaction

        visitors = visiting()
        org_id, now = visitors.demo.org_id, time.time_ns() // 1_000
        owner = visitors.demo.emails["owner"]
        with tenant_transaction(org_id):
            run_here(
                execute(
                    [
                        Grant(org_id=org_id, grant_id="p", amount=1_000 * MICRO, source="purchase", paid=True),
                        Grant(org_id=org_id, grant_id="g", amount=50 * MICRO, expires_at=now + MINUTE),
                        Reverse(org_id=org_id, reversal_id="r", grant_id="p", clawed=200 * MICRO),
                        Adjust(org_id=org_id, adjustment_id="a", amount=-3 * MICRO, note="counted twice"),
                        *(used(org_id, index, *subject) for index, subject in enumerate(
                            [("chat", owner, None), ("test_generation", owner, "SHOP"), ("chat", FORMULA, "SHOP")], 5,
                        )),
                    ]
                )
            )  # fmt: skip
            run_here(execute_one(Touch(org_id=org_id), clock=now + 40 * DAY))
        yield visitors


def used(org_id: int, number: int, use_case: str, user: str, project: str | None) -> RecordUsage:
    subject = Subject(use_case=use_case, user=user, project=project)
    return RecordUsage(org_id=org_id, usage_id=f"u{number}", credits=number * 1_230_000, subject=subject)


def closed_month(books: Visitors) -> str:
    """The name of the month in which everything happened."""
    page = books.client_of("member").get(STATEMENTS).content.decode()
    names = re.findall(rf'href="{STATEMENTS}/(\d{{4}}-\d\d)"', page)
    return str(names[-1])


def amounts(text: str) -> list[int]:
    return [parse_credits(one.replace(",", "")) for one in re.findall(r"\d[\d,]*\.\d{2,6}", text)]


@pytest.mark.requirement("B12")
def test_what_stands_at_the_left_of_the_pdf_stands_at_one_place_and_no_page_is_for_nothing(books: Visitors) -> None:
    owner = books.client_of("owner")
    content = owner.get(f"{STATEMENTS}/{closed_month(books)}.pdf").content
    lefts = pdf_lefts(content, "AI credits statement", "Opening balance", "Used by feature", "Feature")
    assert len(lefts) == 1, lefts
    assert "Credits that expired" in pdf_text(content)
    running = re.search(rf'href="{STATEMENTS}/([\w-]+)"', owner.get(STATEMENTS).content.decode())
    assert running is not None
    assert "expired" not in pdf_text(owner.get(f"{STATEMENTS}/{running[1]}.pdf").content)


@pytest.mark.requirement("B12", "I11")
def test_page_csv_and_pdf_tell_the_same_month(books: Visitors) -> None:
    owner, month = books.client_of("owner"), closed_month(books)
    page = owner.get(f"{STATEMENTS}/{month}").content.decode()
    lines = re.search(r"<dl.*?</dl>", page, re.DOTALL)
    assert lines is not None
    shown = dict(re.findall(r"<dt[^>]*>([^<]+)</dt><dd[^>]*>([^<]+)</dd>", lines[0]))
    rows = list(csv.DictReader(io.StringIO(owner.get(f"{STATEMENTS}/{month}.csv").content.decode())))
    summed = {row["Item"]: row["Credits"] for row in rows if row["Section"] == "Sum"}
    document = pdf_text(owner.get(f"{STATEMENTS}/{month}.pdf").content)
    top = document.partition("Used by feature")[0].splitlines()
    written = dict(pairwise(top))
    assert list(shown) == list(summed)
    for name, text in shown.items():
        assert amounts(text) == amounts(summed[name]) == amounts(written[name]), name
    assert amounts(shown["Used"]) == [(5 + 6 + 7) * 1_230_000]
    assert amounts(shown["Bought"]) == [1_000 * MICRO]
    assert amounts(shown["Adjusted"]) == [3 * MICRO]
    assert amounts(shown["Taken back by refunds and disputes"]) == [200 * MICRO]
    signed = [
        (-1 if row["Credits"].startswith("-") else 1) * amounts(row["Credits"])[0]
        for row in rows
        if row["Section"] == "Sum"
    ]
    assert sum(signed[:-1]) == signed[-1]
    for section in ("Used by feature", "Used by project", "Used by user"):
        assert sum(amounts(row["Credits"])[0] for row in rows if row["Section"] == section) == 18 * 1_230_000
        assert section in document
    assert "It adds up" in page
    assert "It adds up" in document.replace("\n", " ")


def test_the_pdf_says_where_names_stand_that_it_cannot_write(books: Visitors) -> None:
    owner, address = books.client_of("owner"), f"{STATEMENTS}/{closed_month(books)}.pdf"
    mine = models().Organization.objects.filter(pk=books.demo.org_id)
    before = mine.get().name
    assert "in others in full" not in pdf_text(owner.get(address).content).replace("\n", " ")
    try:
        mine.update(name="株式会社 Northwind")
        assert "in others in full" in pdf_text(owner.get(address).content).replace("\n", " ")
    finally:
        mine.update(name=before)


@pytest.mark.requirement("B12", "P7", "P10")
@pytest.mark.parametrize(
    ("moved", "rare"),
    [
        ({}, []),
        ({"reversed": 100, "debt": 40}, ["Taken back by refunds and disputes", "Of it owed, because it was spent"]),
        ({"reversed": -20}, ["Given back after refunds and disputes"]),
        ({"overage": 5}, ["Lent beyond the balance, and billed as far as it is used"]),
        ({"overage": -5}, ["Lent to calls before, and given back unused"]),
        ({"debt": -10}, ["Put towards what was owed"]),
    ],
)
def test_what_hardly_ever_happens_has_a_line_where_it_did(
    books: Visitors, moved: dict[str, int], rare: list[str]
) -> None:
    from testkase.entrypoints.web.statements.paper import lines_of

    sums = dict.fromkeys(("opening", "allowance", "granted", "adjusted", "expired", "reversed", "overage", "debt"), 0)
    sums |= moved
    told = PeriodStatement(
        number=0, name="2026-11", started_at=0, ends_at=1, closed=True, bought=100, used=40,
        closing=60 - sums["reversed"] + sums["overage"] + sums["debt"], grants=(), **sums,
    )  # fmt: skip
    lines = lines_of(told)
    assert [line.name for line in lines][7:-1] == rare
    assert sum(line.amount for line in lines[:-1]) == lines[-1].amount


@pytest.mark.requirement("B12", "R7")
def test_the_credits_that_expired_are_named(books: Visitors) -> None:
    owner, month = books.client_of("owner"), closed_month(books)
    rows = csv.DictReader(io.StringIO(owner.get(f"{STATEMENTS}/{month}.csv").content.decode()))
    expired = {row["Item"] for row in rows if row["Section"] == "Expired"}
    assert expired == {"Monthly allowance", "Grant"}


@pytest.mark.requirement("P11")
def test_no_cell_of_a_statement_begins_a_formula(books: Visitors) -> None:
    content = books.client_of("owner").get(f"{STATEMENTS}/{closed_month(books)}.csv").content.decode()
    cells = [cell for row in csv.reader(io.StringIO(content)) for cell in row]
    assert f"'{FORMULA}" in cells
    assert [cell for cell in cells if re.match(r"[=+@\t\r]|-(?!\d+\.\d+$)", cell)] == []


@pytest.mark.requirement("P11", "R39")
def test_a_month_of_many_users_stays_short_and_adds_up(books: Visitors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs name users as they like; only the CSV names them all."""
    monkeypatch.setattr("testkase.entrypoints.web.statements.paper.MOST_READ", 1)
    owner, address = books.client_of("owner"), f"{STATEMENTS}/{closed_month(books)}"
    page = owner.get(address).content.decode()
    assert page.count("2 others (all of them are in the CSV)") == 3
    assert "It adds up" in page
    assert "/C calc" not in page
    assert FORMULA in owner.get(f"{address}.csv").content.decode()


def test_every_member_reads_statements_and_only_owner_and_admins_take_them_away(books: Visitors) -> None:
    month = closed_month(books)
    for role, download in (("owner", 200), ("admin", 200), ("member", 403)):
        client = books.client_of(role)
        assert client.get(f"{STATEMENTS}/{month}").status_code == 200
        assert [client.get(f"{STATEMENTS}/{month}.{suffix}").status_code for suffix in ("csv", "pdf")] == [download] * 2
    assert "Download PDF" in books.client_of("admin").get(f"{STATEMENTS}/{month}").content.decode()
    assert "Download PDF" not in books.client_of("member").get(f"{STATEMENTS}/{month}").content.decode()


@pytest.mark.requirement("I13")
def test_a_month_of_somebody_else_is_not_there(books: Visitors) -> None:
    """A new organization has one month; the demo's earlier one answers like a month nobody ever had."""
    client, month = stranger(), closed_month(books)
    answers = [client.get(f"{STATEMENTS}/{name}{suffix}") for name in (month, "1999-01") for suffix in ("", ".csv")]
    if month != from_micros(time.time_ns() // 1_000).strftime("%Y-%m"):
        assert {answer.status_code for answer in answers} == {404}
    assert all("Northwind" not in answer.content.decode() for answer in answers)
    assert client.get(f"{STATEMENTS}/nonsense").status_code == 404


def test_a_year_is_shown_at_once_and_what_was_before_it_on_the_next_page(books: Visitors) -> None:
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    client = stranger("Long Ago Ltd")
    client.get(STATEMENTS)
    org_id = client.session["org_id"]
    with tenant_transaction(org_id):
        run_here(execute_one(Touch(org_id=org_id), clock=time.time_ns() // 1_000 + 500 * DAY))
    first = client.get(STATEMENTS).content.decode()
    assert first.count("table--months") == 1
    months = re.findall(rf'href="{STATEMENTS}/(\d{{4}}-\d\d)"', first)
    older = re.search(r'href="([^"]+)">Earlier months', first)
    assert older is not None
    rest = re.findall(rf'href="{STATEMENTS}/(\d{{4}}-\d\d)"', client.get(older[1]).content.decode())
    assert len(months) == 12
    assert rest
    assert sorted(months + rest, reverse=True) == months + rest
    assert "No earlier months" in client.get(f"{STATEMENTS}?before=1999-01").content.decode()
