"""Projects, cases and results over HTTP."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from testkase.core.access import Scope
from testkase.foundation.database import Database
from testkase.services.audit import OPERATOR
from testkase.services.workspace.cases import create_case
from testkase.services.workspace.importing.run import run_import
from testkase.services.workspace.model import CaseContent, Step
from testkase.services.workspace.projects import create_project
from tests.support.cluster import TestDatabase
from tests.support.programs import Organization, Organizations

pytestmark = pytest.mark.requirement("R63")
XML = b'<testsuite><testcase classname="shop.PayTest" name="pays" time="1"/><testcase name="x"/></testsuite>'
AS_XML = {"Content-Type": "text/xml; charset=utf-8"}


@pytest.fixture
def org(organizations: Organizations) -> Organization:
    """With AI off: the workspace needs none of it."""
    made = organizations.make(scopes=frozenset({Scope.WORKSPACE_READ, Scope.WORKSPACE_WRITE}), ai_enabled=False)
    project = organizations.run(made.org_id, create_project(made.org_id, key="SHOP", name="Shop", actor=OPERATOR))
    for number, automation in enumerate(("shop.PayTest.pays", "", "")):
        content = CaseContent(title=f"Case {number}", steps=(Step(action="Do"),), automation_id=automation)
        organizations.run(made.org_id, create_case(made.org_id, project, content, author_id=None))
    return made


@pytest.fixture
def api(base_url: str, org: Organization) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{base_url}/api/v1", headers=org.headers, timeout=20) as client:
        yield client


def work(database: TestDatabase, org: Organization, import_id: str) -> None:
    async def once() -> None:
        pool = Database(database.app_url, max_size=2)
        await pool.open()
        await run_import(org.org_id, int(import_id), pool)
        await pool.close()

    asyncio.run(once())


@pytest.mark.parametrize("name", ["tag", "text"])
def test_cases_of_what_no_text_can_be_are_refused(api: httpx.Client, name: str) -> None:
    answer = api.get(f"/projects/SHOP/cases?{name}=fla%00ky")
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "invalid_input", name)


def test_projects_and_their_cases_are_listed_page_by_page(api: httpx.Client) -> None:
    assert api.get("/projects").json() == {
        "items": [{"key": "SHOP", "name": "Shop", "test_cases": 3}],
        "next_cursor": None,
    }
    first = api.get("/projects/SHOP/cases", params={"limit": 2}).json()
    rest = api.get("/projects/SHOP/cases", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [item["key"] for item in first["items"] + rest["items"]] == ["SHOP-3", "SHOP-2", "SHOP-1"]
    assert rest["next_cursor"] is None
    assert [item["key"] for item in api.get("/projects/SHOP/cases", params={"text": "paytest"}).json()["items"]] == [
        "SHOP-1"
    ]


def test_results_are_accepted_worked_off_and_reported(
    api: httpx.Client, org: Organization, module_database: TestDatabase
) -> None:
    accepted = api.post("/projects/SHOP/results", params={"cycle": "Nightly"}, content=XML, headers=AS_XML)
    assert (accepted.status_code, accepted.json()["state"]) == (202, "queued")
    import_id = accepted.json()["id"]
    assert api.get(f"/imports/{import_id}").json()["lines"] == []
    work(module_database, org, import_id)
    report = api.get(f"/imports/{import_id}", params={"limit": 1}).json()
    assert (report["state"], report["counts"], report["cycle"]) == (
        "succeeded",
        {"matched": 1, "skipped": 1},
        "Nightly",
    )
    assert report["lines"] == [
        {"line": 1, "outcome": "matched", "title": "pays", "test_case": "SHOP-1", "reason": "Passed."}
    ]
    further = api.get(f"/imports/{import_id}", params={"cursor": report["next_cursor"]}).json()
    assert [line["outcome"] for line in further["lines"]] == ["skipped"]


def test_the_same_results_are_the_import_they_were(api: httpx.Client) -> None:
    first, again, other = (
        api.post("/projects/SHOP/results", params={"cycle": cycle}, content=XML, headers=AS_XML)
        for cycle in ("Nightly", "Nightly", "Weekly")
    )
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert other.json()["id"] != first.json()["id"]


def test_results_in_json_are_accepted_too(api: httpx.Client, org: Organization, module_database: TestDatabase) -> None:
    item = {"title": "Case 1", "result": "failed", "message": "It broke"}
    accepted = api.post("/projects/SHOP/results", params={"unmatched": "create"}, json={"items": [item]})
    work(module_database, org, accepted.json()["id"])
    report = api.get(f"/imports/{accepted.json()['id']}").json()
    assert (report["counts"], report["cycle"], report["lines"][0]["test_case"]) == (
        {"matched": 1}, "Automated results", "SHOP-2",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        ({"json": {"items": []}}, 422, "invalid_input"),
        ({"json": {"items": [{"title": "A", "result": "won"}]}}, 422, "invalid_input"),
        ({"content": b"", "headers": AS_XML}, 422, "invalid_input"),
        ({"content": XML, "headers": {"Content-Type": "text/plain"}}, 415, "unsupported_media_type"),
        ({"content": b"x" * (5 * 1024 * 1024 + 1), "headers": AS_XML}, 413, "too_large"),
        ({"json": {"items": [{"title": "A", "result": "passed"}]}, "params": {"cycle": ""}}, 422, "invalid_input"),
    ],
)
def test_what_cannot_be_taken_is_refused_at_once(
    api: httpx.Client, sent: dict[str, Any], status: int, code: str
) -> None:
    answer = api.post("/projects/SHOP/results", **sent)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if status == 415:
        assert "text/xml" in answer.json()["detail"], "it was told to be JSON, of a file of JUnit results"


def test_hostile_xml_is_accepted_as_bytes_and_refused_by_the_report(
    api: httpx.Client, org: Organization, module_database: TestDatabase
) -> None:
    hostile = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><testsuite/>'
    accepted = api.post("/projects/SHOP/results", content=hostile, headers=AS_XML)
    work(module_database, org, accepted.json()["id"])
    report = api.get(f"/imports/{accepted.json()['id']}").json()
    assert (report["state"], report["lines"]) == ("failed", [])
    assert "document type" in report["error"]


def test_what_is_not_there_is_not_found(api: httpx.Client) -> None:
    for path in ("/projects/NOPE/cases", "/imports/999999", "/imports/x"):
        assert api.get(path).status_code == 404
    assert api.post("/projects/NOPE/results", content=XML, headers=AS_XML).status_code == 404
