"""Keys and rank: what a key may be given, how long it lives, and what becomes of it when its maker's role changes."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from testkase.core.access import Scope, grantable_scopes
from testkase.entrypoints.api.keys import find_callers
from testkase.services.audit import Actor
from testkase.services.billing.settings import set_purchase_roles
from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on
from tests.support.invitations import id_of
from tests.support.people import models

KEYS = "/settings/api-keys"


@pytest.fixture(scope="module")
def visitors(module_database: TestDatabase) -> Iterator[Visitors]:
    """One database for the whole file: every test makes the keys it looks at, and puts roles back."""
    with django_on(module_database):
        yield visiting()


def made(visitors: Visitors, role: str, name: str, *scopes: str, end: str = "") -> Any:
    """Make a key on the page; answers its row."""
    response = visitors.client_of(role).post(KEYS, {"name": name, "scopes": scopes, "end": end})
    assert response.status_code == 200, response.content.decode()
    return models().ApiKey.objects.get(name=name)


def works(key: Any) -> bool:
    """Whether the API would let a program with this key in."""
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    with tenant_transaction(key.organization_id):
        return run_here(find_callers([bytes(key.hash)])) != {}


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_the_form_offers_exactly_what_the_role_may_give(visitors: Visitors, role: str) -> None:
    page = visitors.client_of(role).get(KEYS).content.decode()
    assert set(re.findall(r'name="scopes" value="([^"]+)"', page)) == grantable_scopes(role)


def test_a_key_has_the_scopes_and_the_end_that_were_chosen(visitors: Visitors) -> None:
    key = made(visitors, "owner", "Ledger reader", "credits:read", "audit:read", end="30")
    assert set(key.scopes) == {"credits:read", "audit:read"}
    assert timedelta(days=29) < key.expires_at - timezone.now() < timedelta(days=31)
    page = visitors.client_of("owner").get(KEYS).content.decode()
    assert "Ledger reader" in page
    assert "Olivia Ortega" in page


def test_a_key_does_not_outlive_its_end(visitors: Visitors) -> None:
    key = made(visitors, "owner", "Short-lived", "credits:read", end="30")
    assert works(key)
    models().ApiKey.objects.filter(pk=key.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert not works(key)
    assert "Expired" in visitors.client_of("owner").get(KEYS).content.decode()


@pytest.mark.parametrize(
    ("form", "status", "words"),
    [
        ({"name": "None"}, 422, "at least one thing"),
        ({"name": "Odd", "scopes": "everything"}, 422, "There is no scope"),
        ({"name": "Above", "scopes": Scope.SETTINGS_WRITE.value}, 422, "Your role does not let you"),
        ({"name": "Ends", "scopes": "credits:read", "end": "36500"}, 422, "from the list"),
    ],
)
def test_a_key_that_cannot_be_is_refused_and_not_made(
    visitors: Visitors, form: dict[str, str], status: int, words: str
) -> None:
    response = visitors.client_of("admin").post(KEYS, form)
    assert response.status_code == status
    assert words in response.content.decode()
    assert not models().ApiKey.objects.filter(name=form["name"]).exists()


@pytest.mark.requirement("P15")
def test_an_admin_made_member_leaves_no_key_that_works_and_others_keep_theirs(visitors: Visitors) -> None:
    theirs = made(visitors, "admin", "Admin's build", "credits:write")
    others = made(visitors, "owner", "Owner's build", "credits:write")
    owner, person = visitors.client_of("owner"), id_of(visitors.demo, "admin")
    assert "These API keys stop working: Admin&#x27;s build" in owner.get("/settings/members").content.decode()
    owner.post(f"/settings/members/{person}/role", {"role": "member"})
    assert (works(theirs), works(others)) == (False, True)
    owner.post(f"/settings/members/{person}/role", {"role": "admin"})
    assert not works(theirs)


@pytest.mark.requirement("P15")
def test_somebody_who_goes_leaves_no_key_that_works(visitors: Visitors) -> None:
    from testkase.services.organizations.keys import create_api_key

    directory = models()
    for name, go in (("Removed", "removal"), ("Left", "departure")):
        person = directory.User.objects.create_user(f"{name}@northwind.example", "a long password")
        place = directory.Membership.objects.create(user=person, organization_id=visitors.demo.org_id, role="admin")
        create_api_key(place.organization, person, f"{name}'s key")
        key = directory.ApiKey.objects.get(name=f"{name}'s key")
        if go == "removal":
            visitors.client_of("owner").post(f"/settings/members/{person.pk}/removal")
        else:
            from testkase.services.organizations.people import leave

            leave(place.organization, person)
        assert not works(key), name


@pytest.mark.requirement("P15")
def test_a_former_owner_keeps_only_what_an_admin_may_give(visitors: Visitors) -> None:
    from testkase.services.organizations.people import transfer_ownership

    key = made(visitors, "owner", "Everything", *[scope.value for scope in Scope])
    directory = models()
    owner, admin = (directory.User.objects.get(email=visitors.demo.emails[role]) for role in ("owner", "admin"))
    transfer_ownership(key.organization, owner, admin.pk, confirmation="Northwind Labs")
    key.refresh_from_db()
    assert set(key.scopes) == grantable_scopes("admin")
    transfer_ownership(key.organization, admin, owner.pk, confirmation="Northwind Labs")
    key.refresh_from_db()
    assert set(key.scopes) == grantable_scopes("admin"), "what was taken does not come back by itself"


@pytest.mark.requirement("R36", "R37")
def test_admins_give_keys_that_buy_for_as_long_as_admins_may_buy(visitors: Visitors) -> None:
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    org_id, owner = visitors.demo.org_id, Actor(kind="person", ref="owner@northwind.example", name="Olivia Ortega")

    def decide(roles: str) -> None:
        with tenant_transaction(org_id):
            run_here(set_purchase_roles(org_id, owner, roles))

    decide("owner_and_admins")
    offered = visitors.client_of("admin").get(KEYS).content.decode()
    assert 'value="billing:write"' in offered
    buys = made(visitors, "admin", "Buyer", "billing:read", "billing:write")
    owners = made(visitors, "owner", "Owner's buyer", "billing:write")
    decide("owner")
    for key in (buys, owners):
        key.refresh_from_db()
    assert (buys.scopes, owners.scopes) == (["billing:read"], ["billing:write"])
    assert 'value="billing:write"' not in visitors.client_of("admin").get(KEYS).content.decode()
