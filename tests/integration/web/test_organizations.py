"""Several organizations per person: opening another one, and how many somebody may own."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client, override_settings

from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on
from tests.support.people import models, stranger


@pytest.fixture(scope="module")
def visitors(module_database: TestDatabase) -> Iterator[Visitors]:
    with django_on(module_database):
        yield visiting()


@pytest.mark.requirement("R5", "P14", "P15")
def test_a_member_opens_another_organization_and_owns_it(visitors: Visitors) -> None:
    member = visitors.client_of("member")
    assert "Open another organization" in member.get("/organizations/new").content.decode()
    assert member.post("/organizations/new", {"name": "Mira's own"}).headers["Location"] == "/"
    page = member.get("/settings/ai-credits").content.decode()
    assert "Mira&#x27;s own" in page
    assert "300.00" in page
    assert "AI is off for this organization" in page
    assert "Switch to Northwind Labs" in page
    assert models().Membership.objects.get(organization__name="Mira's own").role == "owner"
    assert 'AI is off until you <a href="/settings/ai-credits#switch-off">' in member.get("/projects").content.decode()


@pytest.mark.requirement("P4")
def test_billing_months_of_a_new_organization_begin_on_the_day_and_in_the_zone_of_the_installation(
    visitors: Visitors,
) -> None:
    """The ledger could bill by any day and zone, and nobody could say one: everybody's months began on the 1st, UTC."""
    from testkase.services.organizations.tenancy import tenant_transaction

    billed = replace(settings.VALUES, billing_anchor_day=15, billing_time_zone="Asia/Kolkata")
    with override_settings(VALUES=billed):
        assert visitors.client_of("member").post("/organizations/new", {"name": "Pune office"}).status_code == 302
    opened = models().Organization.objects.get(name="Pune office").pk
    with tenant_transaction(opened), connection.cursor() as cursor:
        cursor.execute("SELECT anchor_day, time_zone FROM ledger.account WHERE org_id = %s", [opened])
        assert cursor.fetchone() == (15, "Asia/Kolkata")


def test_one_person_owns_no_more_than_five(visitors: Visitors) -> None:
    client = stranger("First")
    for name in ("Second", "Third", "Fourth", "Fifth"):
        assert client.post("/organizations/new", {"name": name}).status_code == 302
    full = models().Membership.objects.get(organization__name="Fifth").user
    models().Membership.objects.create(user=full, organization_id=visitors.demo.org_id, role="member")
    refused = client.post("/organizations/new", {"name": "Sixth"})
    assert refused.status_code == 422
    assert "You own 5 organizations" in refused.content.decode()
    assert not models().Organization.objects.filter(name="Sixth").exists()

    visitors.client_of("owner").post("/settings/ownership", {"user": full.pk, "confirmation": "Northwind Labs"})
    assert models().Membership.objects.get(role="owner", organization=visitors.demo.org_id).user != full


@pytest.mark.parametrize("name", ["", " ", "\x00", "x" * 121])
def test_an_organization_without_a_usable_name_is_refused_on_the_form(visitors: Visitors, name: str) -> None:
    response = visitors.client_of("admin").post("/organizations/new", {"name": name})
    assert response.status_code == 422
    assert "needs 1 to 120 characters" in response.content.decode()


@pytest.fixture
def two_tabs(visitors: Visitors) -> tuple[Client, dict[str, str]]:
    """An admin who has opened another organization in a second tab, and what the first one's requests say."""
    admin = visitors.client_of("admin")
    page = admin.get("/settings/ai-credits").content.decode()
    shown = re.search(r'"X-Organization": "(\d+)"', page)
    assert shown is not None
    assert shown[1] == str(visitors.demo.org_id)
    other = models().Organization.objects.filter(name="Elsewhere").first()
    if other is None:
        admin.post("/organizations/new", {"name": "Elsewhere"})
    else:
        admin.post("/organizations/current", {"organization": other.pk})
    return admin, {"HX-Request": "true", "X-Organization": shown[1]}


@pytest.mark.requirement("R73")
def test_a_part_of_a_page_is_never_filled_with_another_organizations_figures(
    two_tabs: tuple[Client, dict[str, str]],
) -> None:
    """The page of one stood there with the balance of the other."""
    admin, headers = two_tabs
    part = admin.get("/settings/ai-credits/summary", headers=headers)
    assert (part.headers.get("HX-Refresh"), part.content) == ("true", b"")


@pytest.mark.requirement("R40", "R73")
@pytest.mark.parametrize(
    ("address", "fields"),
    [("/settings/ai-credits/switch", {"ai": "on", "seen": "1"}),
     ("/settings/ai-credits/buy", {"bundle": "starter"}),
     ("/settings/api-keys", {"name": "k", "scopes": "credits:read"})],
)  # fmt: skip
def test_what_was_meant_for_one_organization_is_not_done_in_another(
    two_tabs: tuple[Client, dict[str, str]], address: str, fields: dict[str, str]
) -> None:
    admin, headers = two_tabs
    sent = admin.post(address, {**fields, "shown_organization": headers["X-Organization"]})
    assert (sent.status_code, sent.headers["Location"]) == (302, "/")
    assert admin.post(address, fields, headers=headers).headers["HX-Redirect"] == "/"
    page = admin.get("/projects").content.decode()
    assert "You work in Elsewhere now. The page was another organization&#x27;s, so nothing was done." in page
    assert "AI is off for this organization" in admin.get("/settings/ai-credits").content.decode()


def test_one_goes_back_from_a_page_of_whichever_organization(
    two_tabs: tuple[Client, dict[str, str]], visitors: Visitors
) -> None:
    admin, headers = two_tabs
    fields = {"organization": visitors.demo.org_id, "shown_organization": headers["X-Organization"]}
    assert admin.post("/organizations/current", fields).headers["Location"] == "/"
    part = admin.get("/settings/ai-credits/summary", headers=headers)
    assert part.status_code == 200
    assert "Available Credits" in part.content.decode()


@pytest.mark.requirement("R34", "R73")
def test_the_link_in_a_letter_leads_to_the_organization_it_is_about(
    two_tabs: tuple[Client, dict[str, str]], visitors: Visitors
) -> None:
    """A letter that one's credits run low led to buying for the other, where one happened to work."""
    admin, org_id = two_tabs[0], visitors.demo.org_id
    address = f"/settings/ai-credits?organization={org_id}"
    for path in (address, f"/settings/ai-credits/buy?organization={org_id}"):
        page = admin.get(path).content.decode()
        assert "This is about Northwind Labs" in page
        assert "Available Credits" not in page
    assert "Available Credits" in admin.get("/settings/ai-credits?organization=0").content.decode()
    for stray in ("//elsewhere.example/", "https://elsewhere.example/", "/\\elsewhere.example", "nowhere", "", "\x00"):
        answer = admin.post("/organizations/current", {"organization": org_id, "next": stray})
        assert answer.headers["Location"] == "/"
    answer = admin.post("/organizations/current", {"organization": org_id, "next": address})
    assert answer.headers["Location"] == address
    assert "Available Credits" in admin.get(address).content.decode()


def test_whoever_belongs_to_no_organization_any_more_leaves_the_page_that_is_still_open(visitors: Visitors) -> None:
    """Its parts were each filled with the whole page that opens an organization."""
    client = stranger("Gone")
    models().Membership.objects.filter(organization__name="Gone").delete()
    htmx = {"HX-Request": "true"}
    assert client.get("/settings/ai-credits/summary", headers=htmx).headers["HX-Redirect"] == "/organizations/new"
    assert client.post("/settings/ai-credits/buy", headers=htmx).headers["HX-Redirect"] == "/organizations/new"
    assert client.get("/settings/ai-credits").headers["Location"] == "/organizations/new"
