"""Several organizations per person: opening another one, and how many somebody may own."""

from collections.abc import Iterator

import pytest

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
