"""Every change of money, people, settings and keys is on record, in words, in the transaction of the change."""

import re
from typing import Any

import pytest
from django.test import Client

from testkase.services.audit.finding import Found, changes
from testkase.services.audit.sentences import actor_name, change_sentence, has_sentence
from tests.integration.web.conftest import Visitors
from tests.support.people import models, stranger

SWITCH = "/settings/ai-credits/switch"


def recorded(org_id: int) -> list[Found]:
    """The organization's changes, oldest first."""
    from testkase.services.organizations.tenancy import run_here, tenant_transaction

    with tenant_transaction(org_id):
        return run_here(changes(org_id, limit=499, before_seq=2**62))[::-1]


def sentences(org_id: int, after: int = 0) -> list[str]:
    """The same as people read them; every one has words of its own."""
    records = [found.record for found in recorded(org_id)][after:]
    assert [record.action for record in records if not has_sentence(record.action)] == []
    return [f"{actor_name(record)} {change_sentence(record)}" for record in records]


def send(client: Client, path: str, **form: Any) -> None:
    response = client.post(path, form)
    assert response.status_code in (200, 302), (path, response.status_code)


def test_the_demo_organization_begins_with_its_history(visitors: Visitors) -> None:
    told = sentences(visitors.demo.org_id)
    assert told[:5] == [
        "Olivia Ortega opened the organization Northwind Labs",
        "Adam Novak joined as admin",
        "Mira Lindqvist joined as member",
        "Adam Novak opened the project Web shop checkout",
        "Adam Novak added Mira Lindqvist to the project as user, may generate",
    ]
    assert re.fullmatch(r"Olivia Ortega created the API key Demo key \(tk_live_\w{6}…\)", told[5])


@pytest.mark.requirement("R75", "P15")
def test_every_change_is_a_sentence(visitors: Visitors) -> None:
    owner, admin, org_id = visitors.client_of("owner"), visitors.client_of("admin"), visitors.demo.org_id
    member = models().User.objects.get(email=visitors.demo.emails["member"]).pk
    before = len(recorded(org_id))

    send(admin, "/projects/new", name="Mobile app", key="APP")
    send(admin, "/projects/APP/members", user=member, role="user")
    send(admin, f"/projects/APP/members/{member}", role="user")  # as it was: nothing to record
    send(admin, f"/projects/APP/members/{member}", role="guest")
    send(admin, f"/projects/APP/members/{member}/removal")
    send(admin, "/settings/members", email="new@example.com", role="member")
    for act in ("renewal", "revocation"):
        invitation = models().Invitation.objects.get(accepted_at=None, revoked_at=None)
        send(admin, f"/settings/invitations/{invitation.invitation_id}/{act}")
    send(owner, f"/settings/members/{member}/role", role="admin")
    send(owner, f"/settings/members/{member}/role", role="admin")  # as it was
    send(visitors.client_of("member"), "/settings/api-keys", name="Mira's key", scopes="credits:read")
    send(visitors.client_of("member"), "/settings/members", email="new@example.com", role="member")
    send(owner, f"/settings/members/{member}/role", role="member")
    send(owner, SWITCH, enable="0")
    send(owner, SWITCH, enable="0")  # as it was
    send(owner, SWITCH, enable="1", advice_seen="1")
    send(owner, "/settings/guidelines", text="No customer names.")
    send(owner, "/settings/ownership", user=member, confirmation="Northwind Labs")
    send(owner, "/settings/members/departure")

    told = [re.sub(r"tk_live_\w{6}|\d{4}-\d\d-\d\d", "…", sentence) for sentence in sentences(org_id, before)]
    assert told == [
        "Adam Novak opened the project Mobile app",
        "Adam Novak added Mira Lindqvist to the project as user",
        "Adam Novak made Mira Lindqvist guest of the project",
        "Adam Novak removed Mira Lindqvist from the project",
        "Adam Novak invited new@example.com as member",
        "Adam Novak sent the invitation of new@example.com again",
        "Adam Novak withdrew the invitation of new@example.com",
        "Olivia Ortega changed Mira Lindqvist's role from member to admin",
        "Mira Lindqvist created the API key Mira's key (……)",
        "Mira Lindqvist invited new@example.com as member",
        "Olivia Ortega changed Mira Lindqvist's role from admin to member",
        "Olivia Ortega revoked the API key Mira's key (……)",
        "Olivia Ortega withdrew the invitation of new@example.com",
        "Olivia Ortega switched AI off",
        "Olivia Ortega switched AI on and acknowledged the privacy advice of …",
        "Olivia Ortega changed the guidelines for the team",
        "Olivia Ortega handed ownership over to Mira Lindqvist",
        "Olivia Ortega left the API key Demo key (……) with less, by a change of role or policy",
        "Olivia Ortega left the organization",
        "Olivia Ortega revoked the API key Demo key (……)",
    ]
    assert_nothing_secret_is_on_record(org_id)


def assert_nothing_secret_is_on_record(org_id: int) -> None:
    """A key is on record with the few letters that it is recognized by, no more."""
    for found in recorded(org_id):
        assert not re.search(r"tk_live_\w{7}", str(found.record))


@pytest.mark.requirement("R75")
def test_how_somebody_signs_in_is_on_record_wherever_they_belong(visitors: Visitors) -> None:
    from allauth.mfa.models import Authenticator
    from allauth.mfa.signals import authenticator_added, authenticator_removed

    org_id, owner = visitors.demo.org_id, models().User.objects.get(email=visitors.demo.emails["owner"])
    before = len(recorded(org_id))
    authenticator = Authenticator.objects.create(user=owner, type="totp", data={"secret": "sealed"})
    for signal in (authenticator_added, authenticator_removed):
        signal.send(sender=Authenticator, request=None, user=owner, authenticator=authenticator)
    new = "three unrelated words"
    password = {"oldpassword": visitors.demo.passwords["owner"], "password1": new, "password2": new}
    send(visitors.client_of("owner"), "/accounts/password/change/", **password)
    assert sentences(org_id, before) == [
        "Olivia Ortega turned on two-step sign-in with an authenticator app",
        "Olivia Ortega turned off two-step sign-in with an authenticator app",
        "Olivia Ortega changed their password",
    ]


def test_what_fails_leaves_no_record(visitors: Visitors) -> None:
    org_id, owner = visitors.demo.org_id, visitors.client_of("owner")
    before = len(recorded(org_id))
    for path, form in (
        ("/projects/new", {"name": "Again", "key": "SHOP"}),
        ("/settings/members", {"email": "not an address", "role": "member"}),
        ("/settings/ownership", {"user": "1", "confirmation": "something else"}),
        (SWITCH, {"enable": "1"}),
    ):
        assert owner.post(path, form).status_code in (302, 422)
    stranger().post("/settings/api-keys", {"name": "Theirs", "scopes": "credits:read"})
    assert len(recorded(org_id)) == before
