"""Every page of signing in and of one's account is the product's own: no default page of the library can appear."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import allauth
import pytest
from django.test import Client
from django.urls import NoReverseMatch, URLPattern, URLResolver, get_resolver, reverse

from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on

THEIRS = Path(allauth.__file__).parent / "templates"
PAGES_OF = ("account", "mfa", "socialaccount", "usersessions")
NO_PAGE = re.compile(r"(^|/)(base_\w+|base)\.html$|/snippets/|/email/|/messages/")
"""What other templates are made of."""
SWITCHED_OFF = {
    "account/confirm_email_verification_code.html": "addresses are confirmed by a link",
    "account/confirm_login_code.html": "nobody signs in by a code sent by mail",
    "account/confirm_password_reset_code.html": "passwords are reset by a link",
    "account/confirm_phone_verification_code.html": "no telephone numbers are kept",
    "account/email_change.html": "somebody may have several addresses",
    "account/phone_change.html": "no telephone numbers are kept",
    "account/request_login_code.html": "nobody signs in by a code sent by mail",
    "account/signup_by_passkey.html": "a passkey is added to an account, not an account to a passkey",
    "mfa/trust.html": "the second step is asked at every sign-in",
    "mfa/webauthn/signup_form.html": "a passkey is added to an account, not an account to a passkey",
}
"""Pages no setting of ours leads to, and why."""


@pytest.fixture(scope="module")
def visitors(module_database: TestDatabase) -> Iterator[Visitors]:
    with django_on(module_database):
        yield visiting()


def account_routes() -> Iterator[URLPattern]:
    """Every route below /accounts/."""

    def walk(patterns: list[Any]) -> Iterator[URLPattern]:
        for one in patterns:
            if isinstance(one, URLResolver):
                yield from walk(one.url_patterns)
            else:
                yield one

    (accounts,) = (part for part in get_resolver().url_patterns if str(part.pattern) == "accounts/")
    assert isinstance(accounts, URLResolver)
    return walk(accounts.url_patterns)


def is_ours(name: str) -> bool:
    from django.template.loader import get_template

    return not Path(cast(Any, get_template(name)).origin.name).is_relative_to(THEIRS)


def test_every_template_a_route_names_is_ours(visitors: Visitors) -> None:
    named = {
        str(name)
        for route in account_routes()
        if (name := getattr(getattr(route.callback, "view_class", None), "template_name", None))
    }
    assert {"account/login.html", "mfa/index.html", "usersessions/usersession_list.html"} <= named
    assert [name for name in sorted(named - set(SWITCHED_OFF)) if not is_ours(name)] == []


def test_every_page_the_library_brings_is_replaced_or_cannot_be_reached(visitors: Visitors) -> None:
    pages = {str(path.relative_to(THEIRS)) for folder in PAGES_OF for path in (THEIRS / folder).rglob("*.html")}
    pages = {name for name in pages if not NO_PAGE.search(f"/{name}")}
    assert set(SWITCHED_OFF) <= pages
    assert [name for name in sorted(pages - set(SWITCHED_OFF)) if not is_ours(name)] == []


def test_what_is_switched_off_leads_nowhere(visitors: Visitors) -> None:
    for client in (Client(), visitors.client_of("member")):
        for name in ("account_confirm_login_code",):
            assert client.get(reverse(name)).status_code == 302
    names = {route.name for route in account_routes()}
    assert not names & {"account_signup_by_passkey", "mfa_signup_webauthn", "mfa_trust", "account_request_login_code"}


def test_every_page_stands_in_the_products_frame(visitors: Visitors) -> None:
    shown = 0
    for client in (Client(), visitors.client_of("admin")):
        for route in account_routes():
            try:
                response = client.get(reverse(str(route.name)))
            except NoReverseMatch:
                continue  # it wants an id
            if response.status_code != 200 or not response.headers["Content-Type"].startswith("text/html"):
                continue
            page = response.content.decode()
            shown += 1
            assert 'class="entrance"' in page or 'class="bar"' in page, route.name
            assert page.count("<h1") == 1, route.name
            assert not re.search(r"<script(?![^>]*(nonce=|application/json))", page), route.name
            assert not re.search(r"\sstyle=|<style|javascript:", page), route.name
    assert shown > 15


def test_somebody_changes_their_name_on_their_account_page(visitors: Visitors) -> None:
    client = visitors.client_of("admin")
    assert client.post("/settings/account", {"name": " Adam  N. "}).status_code == 302
    assert 'value="Adam N."' in client.get("/settings/account").content.decode()
    refused = client.post("/settings/account", {"name": " "})
    assert refused.status_code == 422
    assert "needs 1 to 120 characters" in refused.content.decode()


def test_other_sessions_can_be_seen_and_ended(visitors: Visitors) -> None:
    clients = [Client(HTTP_USER_AGENT=f"Mozilla/5.0 (X11; Linux x86_64) {name}/1.0") for name in ("Firefox", "Chrome")]
    credentials = {"login": visitors.demo.emails["owner"], "password": visitors.demo.passwords["owner"]}
    for client in clients:
        client.post("/accounts/login/", credentials)
    here, there = clients
    page = here.get("/accounts/sessions/").content.decode()
    assert "Firefox on Linux" in page
    assert "Chrome on Linux" in page
    here.post("/accounts/sessions/")
    assert here.get("/projects").status_code == 200
    assert there.get("/projects").status_code == 302


def test_a_new_password_signs_out_everywhere_else(visitors: Visitors) -> None:
    here, there = Client(), Client()
    old = visitors.demo.passwords["member"]
    for client in (here, there):
        client.post("/accounts/login/", {"login": visitors.demo.emails["member"], "password": old})
    form = {"oldpassword": old, "password1": "quiet-lantern-4711", "password2": "quiet-lantern-4711"}
    assert here.post("/accounts/password/change/", form).status_code == 302
    assert here.get("/projects").status_code == 200
    assert there.get("/projects").status_code == 302
