"""Bringing files in and taking them out on pages."""

import asyncio
import csv
import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from testkase.foundation.database import Database
from testkase.services.workspace.importing.gherkin_file import read_gherkin
from testkase.services.workspace.importing.model import MAX_BYTES
from testkase.services.workspace.importing.run import run_import
from tests.integration.web.conftest import Visitors
from tests.integration.web.test_workspace_pages import CASE, HOME, send, text
from tests.support.cluster import TestDatabase
from tests.support.people import project_role

RESULTS = (
    b'<testsuite><testcase classname="shop.cart.CartTest" name="at_most_50" time="2"/><testcase name="x"/></testsuite>'
)


def upload(visitors: Visitors, name: str, content: bytes, **form: Any) -> Any:
    return send(visitors.client_of("member"), f"{HOME}/imports", file=SimpleUploadedFile(name, content), **form)


def work(visitors: Visitors, database: TestDatabase, address: str) -> str:
    """What the worker does; answers the report's page."""

    async def once() -> None:
        pool = Database(database.app_url, max_size=2)
        await pool.open()
        await run_import(visitors.demo.org_id, int(address.rpartition("/")[2]), pool)
        await pool.close()

    asyncio.run(once())
    return text(visitors.client_of("member"), address)


def downloaded(visitors: Visitors, path: str) -> bytes:
    answer = visitors.client_of("member").get(path)
    assert answer.status_code == 200
    return bytes(answer.getvalue())


@pytest.mark.requirement("R63")
def test_results_are_brought_in_and_reported_line_by_line(visitors: Visitors, django_database: TestDatabase) -> None:
    address = upload(visitors, "nightly.xml", RESULTS, cycle_name="Nightly")["Location"]
    waiting = text(visitors.client_of("member"), address)
    assert 'hx-trigger="every 1s"' in waiting
    done = work(visitors, django_database, address)
    assert "hx-trigger" not in done.partition('id="import"')[2].partition(">")[0]
    for words in ("SHOP-5", "Matched 1", "Skipped 1", "No test case has the automation id x", "Nightly"):
        assert words in done, words
    assert "SHOP-5" not in text(visitors.client_of("member"), f"{address}?outcome=skipped")
    assert "1 matched, 1 skipped" in text(visitors.client_of("member"), f"{HOME}/imports")
    again = upload(visitors, "other.xml", RESULTS, cycle_name="Nightly")
    assert again["Location"] == address


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes.docx", b"x", "Choose a .csv"),
        ("results.xml", RESULTS, "go into a test cycle"),
        ("cases.csv", b"", "empty"),
        ("cases.csv", b"x" * (MAX_BYTES + 1), "larger than 5 MB"),
    ],
)
def test_a_file_that_cannot_be_taken_is_refused_in_the_form(
    visitors: Visitors, name: str, content: bytes, words: str
) -> None:
    answer = upload(visitors, name, content)
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_without_a_file_nothing_happens(visitors: Visitors) -> None:
    answer = send(visitors.client_of("member"), f"{HOME}/imports", cycle_name="Nightly")
    assert (answer.status_code, "Choose a file" in answer.content.decode()) == (422, True)


def test_what_a_broken_file_says_is_shown_as_text(visitors: Visitors, django_database: TestDatabase) -> None:
    broken = b"Feature: F\nScenario: S\nGiven x\n<script>alert(1)</script>\n"
    address = upload(visitors, "broken.feature", broken)["Location"]
    page = work(visitors, django_database, address)
    assert "is no step: &lt;script&gt;" in page


def test_the_exported_table_changes_nothing_when_it_is_brought_in_again(
    visitors: Visitors, django_database: TestDatabase
) -> None:
    table = downloaded(visitors, f"{HOME}/cases.csv")
    assert len({row["Key"] for row in csv.DictReader(io.StringIO(table.decode())) if row["Key"]}) == 25
    done = work(visitors, django_database, upload(visitors, "again.csv", table)["Location"])
    assert "Unchanged 25" in done


def test_the_exported_table_is_safe_in_a_spreadsheet_and_comes_back_as_it_was(
    visitors: Visitors, django_database: TestDatabase
) -> None:
    send(
        visitors.client_of("member"), f"{HOME}/cases/new", **{**CASE, "title": "=HYPERLINK(1)", "action": ["-1", "+2"]}
    )
    table = downloaded(visitors, f"{HOME}/cases.csv?kind=security&text=hyperlink")
    rows = list(csv.reader(io.StringIO(table.decode())))
    assert (rows[1][1], rows[1][11], rows[2][11]) == ("'=HYPERLINK(1)", "'-1", "'+2")
    assert "Unchanged 1" in work(visitors, django_database, upload(visitors, "x.csv", table)["Location"])


def test_the_exported_feature_file_can_be_read_again(visitors: Visitors) -> None:
    feature = downloaded(visitors, f"{HOME}/cases.feature?tag=flaky")
    titles = [item.title for item in read_gherkin(feature)]
    assert titles == [
        "Price change is shown before checking out",
        "Payment page comes back after the bank's confirmation",
    ]
    assert b"Feature: Web shop checkout" in feature
    assert len(read_gherkin(downloaded(visitors, f"{HOME}/cases.feature"))) == 25


@pytest.mark.requirement("P15")
def test_a_guest_may_export_and_not_import(visitors: Visitors) -> None:
    project_role(visitors.demo, "guest")
    assert downloaded(visitors, f"{HOME}/cases.csv")
    assert "Bring a file in" not in text(visitors.client_of("member"), f"{HOME}/imports")
    assert upload(visitors, "cases.csv", b"Title\nA\n").status_code == 403
