"""Invitations: who sends them, what the letter does, and when it stops doing it."""

from datetime import timedelta
from unittest.mock import patch

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from tests.integration.web.conftest import Visitors
from tests.support.invitations import id_of, invited, link_in_last_letter, people_snapshot, role_of
from tests.support.people import models, stranger

NEW = {"name": "Nadia New", "password1": "quiet-lantern-42"}
ADDRESS = "nadia@newcomer.example"


def invitation_id() -> str:
    newest = models().Invitation.objects.order_by("created_at").last()
    return str(newest.invitation_id)


@pytest.mark.requirement("P15")
def test_somebody_new_joins_instead_of_opening_an_organization(visitors: Visitors) -> None:
    link = invited(visitors.client_of("admin"), "Nadia@Newcomer.example", "admin")
    assert mail.outbox[-1].to == [ADDRESS]
    assert "Adam Novak" in str(mail.outbox[-1].body)
    client = Client()
    assert "Join Northwind Labs" in client.get(link).content.decode()
    assert client.post(link, NEW).headers["Location"] == "/"
    assert "Northwind Labs" in client.get("/settings/ai-credits").content.decode()
    assert role_of(visitors.demo, ADDRESS) == "admin"
    assert models().Organization.objects.count() == 1
    assert client.get("/accounts/email/").content.decode().count(">Confirmed<") == 1


@pytest.mark.requirement("P15")
def test_somebody_with_an_account_signs_in_joins_and_changes_between_organizations(visitors: Visitors) -> None:
    person = stranger("First Ltd")
    address = models().User.objects.get(pk=person.session["_auth_user_id"]).email
    link = invited(visitors.client_of("owner"), address)
    signed_out = Client().get(link).content.decode()
    assert f"/accounts/login/?next={link}" in signed_out
    assert 'name="password1"' not in signed_out
    person.post(link)
    page = person.get("/settings/members").content.decode()
    assert "Northwind Labs" in page
    assert "Switch to First Ltd" in page


def test_a_letter_works_once(visitors: Visitors) -> None:
    link = invited(visitors.client_of("owner"), ADDRESS)
    client = Client()
    client.post(link, NEW)
    for visitor in (client, Client()):
        assert visitor.get(link).status_code == 404
        assert visitor.post(link, NEW).status_code == 404


def test_a_letter_is_for_its_address_alone(visitors: Visitors) -> None:
    from allauth.account.models import EmailAddress

    link, person = invited(visitors.client_of("owner"), ADDRESS), stranger()
    EmailAddress.objects.create(user_id=stranger().session["_auth_user_id"], email=ADDRESS, verified=True)
    before = people_snapshot()
    assert "sign out" in person.get(link).content.decode()
    assert person.post(link).status_code == 403
    assert people_snapshot() == before


@pytest.mark.requirement("P15")
@pytest.mark.parametrize(("confirmed", "status"), [(True, 302), (False, 403)])
def test_a_letter_to_another_address_of_theirs_is_for_whoever_has_confirmed_it(
    visitors: Visitors, confirmed: bool, status: int
) -> None:
    from allauth.account.models import EmailAddress

    link, client = invited(visitors.client_of("owner"), ADDRESS), stranger()
    EmailAddress.objects.create(user_id=client.session["_auth_user_id"], email=ADDRESS, verified=confirmed)
    assert client.post(link).status_code == status


def test_the_letter_says_until_when_in_utc(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    owner.cookies["timezone"] = "Asia/Kolkata"
    invited(owner, ADDRESS)
    expires = models().Invitation.objects.get().expires_at
    assert f"{expires:%H:%M} UTC" in str(mail.outbox[-1].body)


def test_a_letter_expires_after_seven_days(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    link = invited(owner, ADDRESS)
    issued = models().Invitation.objects.get()
    assert issued.expires_at - issued.created_at == timedelta(days=7)
    models().Invitation.objects.update(
        created_at=timezone.now() - timedelta(days=7), expires_at=timezone.now() - timedelta(seconds=1)
    )
    assert Client().get(link).status_code == 404
    assert Client().post(link, NEW).status_code == 404
    assert "Expired" in owner.get("/settings/members").content.decode()


def test_sending_again_ends_the_earlier_letter(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    first = invited(owner, ADDRESS)
    owner.post(f"/settings/invitations/{invitation_id()}/renewal")
    second = link_in_last_letter()
    assert first != second
    assert Client().get(first).status_code == 404
    assert Client().get(second).status_code == 200
    third = invited(owner, ADDRESS)
    assert Client().get(second).status_code == 404
    assert Client().get(third).status_code == 200


def test_a_withdrawn_letter_does_nothing(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    link = invited(owner, ADDRESS)
    withdrawal = f"/settings/invitations/{invitation_id()}/revocation"
    assert owner.post(withdrawal).status_code == 302
    assert Client().post(link, NEW).status_code == 404
    assert owner.post(withdrawal).status_code == 404


@pytest.mark.parametrize("ending", ["demote", "remove"])
def test_letters_of_somebody_who_may_not_invite_any_more_do_nothing(visitors: Visitors, ending: str) -> None:
    link = invited(visitors.client_of("admin"), ADDRESS, "admin")
    admin = id_of(visitors.demo, "admin")
    address = f"/settings/members/{admin}/" + ("role" if ending == "demote" else "removal")
    visitors.client_of("owner").post(address, {"role": "member"})
    assert Client().post(link, NEW).status_code == 404


def test_the_token_is_kept_only_as_a_hash(visitors: Visitors) -> None:
    token = invited(visitors.client_of("owner"), ADDRESS).removeprefix("/invitations/")
    assert len(token) >= 43  # 256 bits in base 64
    assert token not in str(models().Invitation.objects.values_list())
    assert token not in visitors.client_of("owner").get("/settings/members").content.decode()


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"email": "nobody", "role": "member"}, "Enter an e-mail address"),
        ({"email": "a@b.example\r\nBcc: c@d.example", "role": "member"}, "Enter an e-mail address"),
        (
            {"email": f"{'x' * 60}@{'y' * 60}.{'z' * 60}.{'w' * 60}.{'v' * 60}.example", "role": "member"},
            "e-mail address",
        ),
        ({"email": ADDRESS, "role": "owner"}, "Ownership is transferred"),
        ({"email": ADDRESS, "role": ""}, "Invite as Admin or as Member"),
        ({"email": "Member@Northwind.example", "role": "admin"}, "is a member already"),
    ],
)
def test_what_cannot_be_invited_is_refused_on_the_form(visitors: Visitors, form: dict[str, str], words: str) -> None:
    sent = len(mail.outbox)
    response = visitors.client_of("owner").post("/settings/members", form)
    assert response.status_code == 422
    assert words in response.content.decode()
    assert not models().Invitation.objects.exists()
    assert len(mail.outbox) == sent


def test_a_weak_password_or_no_name_makes_no_account(visitors: Visitors) -> None:
    link, before = invited(visitors.client_of("owner"), ADDRESS), people_snapshot()
    for form in ({**NEW, "password1": "short"}, {**NEW, "password1": "1234567890"}, {**NEW, "name": ""}, {}):
        assert Client().post(link, form).status_code == 422
    assert people_snapshot() == before


def test_an_organization_does_not_flood_mailboxes(visitors: Visitors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("testkase.services.organizations.invitations.LETTERS_A_DAY", 2)
    owner = visitors.client_of("owner")
    invited(owner, "one@newcomer.example")
    owner.post(f"/settings/invitations/{invitation_id()}/renewal")
    response = owner.post("/settings/members", {"email": "two@newcomer.example", "role": "member"})
    assert response.status_code == 422
    assert "Go on tomorrow" in response.content.decode()


def test_a_mail_server_that_is_down_is_no_broken_page(visitors: Visitors) -> None:
    owner = visitors.client_of("owner")
    with patch("testkase.entrypoints.web.letters.EmailMessage.send", side_effect=ConnectionRefusedError):
        page = owner.post("/settings/members", {"email": ADDRESS, "role": "member"}, follow=True).content.decode()
    assert "could not be sent" in page
    assert ADDRESS in page


def test_opening_the_link_changes_nothing(visitors: Visitors) -> None:
    link = invited(visitors.client_of("owner"), ADDRESS)
    before = people_snapshot()
    Client().get(link)
    assert people_snapshot() == before
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(link, NEW).status_code == 403
    assert people_snapshot() == before
