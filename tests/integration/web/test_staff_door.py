"""Staff come in by the door of everybody else: with its second step, and with its patience for guesses."""

from collections.abc import Iterator

import pytest
from django.test import Client

from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on
from tests.support.people import models


@pytest.fixture(scope="module")
def visitors(module_database: TestDatabase) -> Iterator[Visitors]:
    with django_on(module_database):
        demo = visiting()
        models().User.objects.filter(email=demo.demo.emails["admin"]).update(is_staff=True)
        yield demo


@pytest.mark.parametrize("page", ["/staff/", "/staff/login/", "/staff/auth/group/", "/staff/payments"])
def test_the_pages_for_staff_have_no_sign_in_of_their_own(visitors: Visitors, page: str) -> None:
    right = {"username": visitors.demo.emails["admin"], "password": visitors.demo.passwords["admin"], "next": "/staff/"}
    client = Client()
    for answer in (client.get(page, follow=True), client.post(page, right, follow=True)):
        assert answer.redirect_chain[-1][0].startswith("/accounts/login/")
    assert "_auth_user_id" not in client.session
    assert client.get("/staff/").status_code == 302


def test_nobody_but_staff_gets_in_and_staff_change_their_password_where_everybody_does(visitors: Visitors) -> None:
    assert visitors.client_of("owner").get("/staff/login/").status_code == 403
    staff = visitors.client_of("admin")
    assert staff.get("/staff/").status_code == 200
    assert staff.get("/staff/password_change/").headers["Location"] == "/accounts/password/change/"


def test_staff_get_to_every_page_of_theirs_from_wherever_they_are(visitors: Visitors) -> None:
    door = 'href="/staff/"'
    assert door in visitors.client_of("admin").get("/projects").content.decode()
    assert door not in visitors.client_of("owner").get("/projects").content.decode()
    inside = visitors.client_of("admin").get("/staff/").content.decode()
    for page in ("/staff/payments", "/staff/invariants", "/staff/what-if"):
        assert f'href="{page}"' in inside


@pytest.mark.parametrize(
    "table",
    ["account/emailaddress", "mfa/authenticator", "socialaccount/socialapp", "socialaccount/socialaccount",
     "usersessions/usersession", "auth/group", "organizations/user"],
)  # fmt: skip
def test_staff_cannot_make_a_way_into_anybodys_account(visitors: Visitors, table: str) -> None:
    models().User.objects.filter(email=visitors.demo.emails["admin"]).update(is_superuser=True)
    staff = visitors.client_of("admin")
    for page in (f"/staff/{table}/", f"/staff/{table}/add/", f"/staff/{table}/1/delete/"):
        assert staff.get(page).status_code == 404
        assert staff.post(page, {"email": "x@y.example"}).status_code == 404
