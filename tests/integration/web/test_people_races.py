"""Two changes of people at the same moment: one after the other, never half of each."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections
from django.test import Client

from tests.integration.web.conftest import Visitors
from tests.support.invitations import id_of, invited
from tests.support.people import models


def at_once(*requests: Callable[[], int]) -> list[int]:
    """The statuses of requests sent together, each on a connection of its own; sorted."""

    def sent(request: Callable[[], int]) -> int:
        try:
            return request()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(requests)) as pool:
        return sorted(pool.map(sent, requests))


@pytest.mark.requirement("P15")
def test_ownership_given_to_two_at_once_reaches_one(visitors: Visitors) -> None:
    owners = [visitors.client_of("owner"), visitors.client_of("owner")]
    heirs = [id_of(visitors.demo, role) for role in ("admin", "member")]

    def transfer(client: Client, heir: int) -> Callable[[], int]:
        form = {"user": heir, "confirmation": "Northwind Labs"}
        return lambda: client.post("/settings/ownership", form).status_code

    assert at_once(*map(transfer, owners, heirs)) == [302, 403]
    assert models().Membership.objects.filter(role="owner").count() == 1


@pytest.mark.requirement("P15")
def test_admins_who_demote_each_other_at_once_do_not_both_succeed(visitors: Visitors) -> None:
    models().Membership.objects.filter(user=id_of(visitors.demo, "member")).update(role="admin")

    def demote(actor: str, other: str) -> Callable[[], int]:
        client, address = visitors.client_of(actor), f"/settings/members/{id_of(visitors.demo, other)}/role"
        return lambda: client.post(address, {"role": "member"}).status_code

    assert at_once(demote("admin", "member"), demote("member", "admin")) == [302, 403]
    assert models().Membership.objects.filter(role="admin").count() == 1


def test_a_letter_opened_in_several_places_makes_one_account(visitors: Visitors) -> None:
    link = invited(visitors.client_of("owner"), "nadia@newcomer.example")
    form = {"name": "Nadia New", "password1": "quiet-lantern-42"}
    statuses = at_once(*[lambda: Client().post(link, form).status_code] * 4)
    assert statuses[0] == 302
    assert set(statuses[1:]) <= {404, 409}
    assert models().User.objects.filter(email="nadia@newcomer.example").count() == 1


def test_somebody_removed_while_their_place_in_a_project_changes_is_gone_and_nobody_fails(visitors: Visitors) -> None:
    """Both write the history last: else each would hold what the other waits for."""
    owner, member = visitors.client_of("owner"), id_of(visitors.demo, "member")
    place, form = f"/projects/SHOP/members/{member}", {"role": "guest"}
    statuses = at_once(
        *[lambda: visitors.client_of("admin").post(place, form).status_code] * 4,
        lambda: owner.post(f"/settings/members/{member}/removal").status_code,
    )
    assert set(statuses) <= {302, 404}
    assert not models().Membership.objects.filter(user=member, organization=visitors.demo.org_id).exists()
