"""What every answer carries, and what strange requests get. Who gets in where: see `tests/integration/tenants`."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from django.db import OperationalError
from django.test import Client
from psycopg_pool import PoolTimeout

from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on
from tests.support.people import add_to, stranger


@pytest.fixture(scope="module")
def visitors(module_database: TestDatabase) -> Iterator[Visitors]:
    """One database for the whole file: no test here changes what another one looks at."""
    with django_on(module_database):
        yield visiting()


def test_a_refusal_names_the_next_step(visitors: Visitors) -> None:
    page = visitors.client_of("member").get("/settings/ai-credits/switch").content.decode()
    assert "Ask your Owner" in page
    assert "Back to your projects" in page


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("/settings/ai-credits/?period=previous", "/settings/ai-credits?period=previous"),
        ("/projects/", "/projects"),
        ("/accounts/login", "/accounts/login/"),
        ("/staff", "/staff/"),
    ],
)
def test_an_address_is_found_with_a_slash_more_or_less(visitors: Visitors, address: str, meant: str) -> None:
    response = visitors.client_of("owner").get(address)
    assert (response.status_code, response.headers.get("Location")) == (302, meant)


@pytest.mark.parametrize("address", ["/nowhere/", "//projects/", "//evil.example/", "//evil.example", "/projects//"])
def test_what_is_no_address_either_way_is_not_found(visitors: Visitors, address: str) -> None:
    assert visitors.client_of("owner").get("/", PATH_INFO=address).status_code == 404


def test_a_form_is_not_sent_on_to_another_address(visitors: Visitors) -> None:
    assert visitors.client_of("owner").post("/settings/ai-credits/switch/", {"enable": "0"}).status_code == 404


def test_state_never_changes_without_the_token_of_the_session(visitors: Visitors) -> None:
    client = visitors.client_of("owner")
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = client.cookies
    response = strict.post("/settings/ai-credits/switch", {"enable": "0"})
    assert response.status_code == 403
    assert "The form has expired" in response.content.decode()


@pytest.mark.parametrize("page", ["/settings/ai-credits", "/accounts/login/", "/nowhere"])
def test_every_page_runs_only_scripts_with_its_own_nonce(visitors: Visitors, page: str) -> None:
    client = visitors.client_of("member") if page != "/accounts/login/" else Client()
    response = client.get(page)
    policy = response.headers["Content-Security-Policy"]
    nonce = re.search(r"script-src 'nonce-([^']+)'", policy)
    assert nonce is not None
    scripts = re.findall(r"<script[^>]*>", response.content.decode())
    assert scripts
    assert all(f'nonce="{nonce[1]}"' in script for script in scripts)
    assert "object-src 'none'" in policy
    assert "base-uri 'none'" in policy
    assert not re.search(r"\son\w+=|javascript:|\sstyle=", response.content.decode())


def test_a_person_without_an_organization_is_asked_to_open_one(visitors: Visitors) -> None:
    client = stranger(organization=None)
    assert client.get("/projects").headers["Location"] == "/organizations/new"
    client.post("/organizations/new", {"name": "Fresh Start"})
    page = client.get("/settings/ai-credits").content.decode()
    assert "Fresh Start" in page
    assert "300.00" in page


@pytest.mark.parametrize("number", ["0", "9" * 18, "9" * 19, "9" * 40, "9" * 5_000])
def test_an_id_no_database_could_hold_is_simply_not_there(visitors: Visitors, number: str) -> None:
    client = visitors.client_of("owner")
    for page in (f"/settings/ai-credits/receipts/{number}", f"/projects/SHOP/generations/{number}"):
        assert client.get(page).status_code == 404


@pytest.mark.parametrize("text", ["\x00", "%00", "'; DROP TABLE project --", "../../etc", "x" * 5_000])
def test_a_name_nobody_has_is_simply_not_there(visitors: Visitors, text: str) -> None:
    client = visitors.client_of("owner")
    for page in (f"/projects/{quote(text)}", f"/projects/SHOP/cases/{quote(text)}"):
        assert client.get(page).status_code == 404


@pytest.mark.parametrize(
    "form", [{"name": "", "key": "NEW"}, {"name": "\x00", "key": "NEW"}, {"name": "New", "key": "x y"}, {"name": "New"}]
)
def test_a_project_that_cannot_be_is_refused_on_the_form(visitors: Visitors, form: dict[str, str]) -> None:
    assert visitors.client_of("owner").post("/projects/new", form).status_code == 422


def test_a_project_is_opened_once_under_its_key(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    assert owner.post("/projects/new", {"name": "Mobile app", "key": "app"}).headers["Location"] == "/projects/APP"
    assert "already a project" in owner.post("/projects/new", {"name": "Again", "key": "APP"}).content.decode()


def test_a_session_that_has_ended_leads_the_whole_page_to_the_sign_in(visitors: Visitors) -> None:
    response = Client().get("/balance", headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"] == "/accounts/login/"
    assert response.content == b""


@pytest.mark.parametrize(
    ("page", "sign_in"),
    [
        ("http://testserver/settings/billing?a=b#buyer", "/accounts/login/?next=/settings/billing%3Fa%3Db"),
        ("https://evil.example/settings/billing", "/accounts/login/"),
        ("http://[", "/accounts/login/"),
        ("", "/accounts/login/"),
    ],
)
def test_a_sign_in_after_a_form_leads_to_its_page_and_not_to_its_address(
    visitors: Visitors, page: str, sign_in: str
) -> None:
    sent = Client().post("/settings/billing/buyer", {"name": "x"}, headers={"Referer": page})
    assert sent.headers["Location"] == sign_in
    asked = Client().get("/balance", headers={"HX-Request": "true", "HX-Current-URL": page})
    assert asked.headers["HX-Redirect"] == sign_in
    opened = Client().get("/settings/billing", headers={"Referer": page})
    assert opened.headers["Location"] == "/accounts/login/?next=/settings/billing"


@pytest.mark.parametrize("form", ["/settings/billing/overage", "/settings/billing/purchases/pur_1/look"])
def test_the_address_of_a_form_is_a_page_for_whoever_opens_it(visitors: Visitors, form: str) -> None:
    opened = visitors.client_of("owner").get(form)
    assert (opened.status_code, opened.headers["Allow"]) == (405, "POST")
    assert "There is no page here" in opened.content.decode()
    assert 'aria-label="Main"' in opened.content.decode()
    assert stranger().get(form).status_code in (302, 405)


def test_pages_of_an_organization_are_kept_by_nobody(visitors: Visitors) -> None:
    assert "no-store" in visitors.client_of("member").get("/projects").headers["Cache-Control"]


@pytest.mark.parametrize(
    ("fault", "status"),
    [(RuntimeError("out of order"), 500), (OperationalError("gone"), 503), (PoolTimeout("no connection"), 503)],
)
def test_a_page_that_breaks_says_so_kindly_and_changes_nothing(
    visitors: Visitors, monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int
) -> None:
    client = visitors.client_of("owner")
    client.raise_request_exception = False

    def broken(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr("testkase.entrypoints.web.views.switch.messages.success", broken)
    response = client.post("/settings/ai-credits/switch", {"enable": "0"})
    assert (response.status_code, response.get("Retry-After")) == (status, "5" if status == 503 else None)
    assert "Try again in a moment" in response.content.decode()
    assert "AI is on" in client.get("/settings/ai-credits").content.decode()


def test_somebody_in_two_organizations_works_in_one_at_a_time(visitors: Visitors) -> None:
    client = stranger("First Ltd")
    add_to(visitors.demo, client)
    assert "First Ltd" in client.get("/projects").content.decode()
    client.post("/organizations/current", {"organization": visitors.demo.org_id})
    assert "Web shop checkout" not in client.get("/projects").content.decode()
    assert "Northwind Labs" in client.get("/settings/ai-credits").content.decode()


@pytest.mark.requirement("I13")
@pytest.mark.parametrize("organization", ["1", "999", "x", ""])
def test_nobody_chooses_an_organization_that_is_not_theirs(visitors: Visitors, organization: str) -> None:
    client = stranger()
    assert client.post("/organizations/current", {"organization": organization}).status_code == 404
    assert "Northwind" not in client.get("/settings/ai-credits").content.decode()
