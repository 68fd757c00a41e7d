"""Signing up, signing in and out, resetting a password."""

import re
from pathlib import Path

import pytest
from django.core import mail
from django.test import Client, override_settings

from tests.integration.web.conftest import Visitors
from tests.support.cluster import TestDatabase
from tests.support.people import models

SIGN_UP = {
    "name": "Nora Newcomer",
    "organization": "Newcomer GmbH",
    "email": "Nora@Newcomer.example",
    "password1": "quiet-lantern-42",
}


@pytest.mark.requirement("R5", "P2", "P14")
def test_signing_up_opens_an_organization_with_300_credits_and_ai_off(django_database: TestDatabase) -> None:
    client = Client()
    response = client.post("/accounts/signup/", SIGN_UP)
    assert response.headers["Location"] == "/"
    page = client.get("/settings/ai-credits").content.decode()
    assert "Newcomer GmbH" in page
    assert "300.00" in page
    assert "AI is off for this organization" in page
    assert models().Membership.objects.get(user__email="nora@newcomer.example").role == "owner"


def test_the_first_letter_says_what_to_confirm_and_for_how_long(django_database: TestDatabase) -> None:
    from allauth.account import app_settings

    Client().post("/accounts/signup/", SIGN_UP)
    letter = mail.outbox[-1]
    assert letter.subject == "Welcome to TestKase: confirm your e-mail address"
    assert "gave nora@newcomer.example as their address on TestKase" in str(letter.body)
    assert "it works for three days" in str(letter.body)
    assert app_settings.EMAIL_CONFIRMATION_EXPIRE_DAYS == 3
    link = re.search(r"http://[^/]+(/accounts/confirm-email/\S+)", str(letter.body))
    assert link is not None
    assert Client().get(link[1]).headers["Location"].startswith("/accounts/login/?next=/accounts/confirm-email/")


def test_signing_up_leaves_nothing_behind_when_the_organization_cannot_be_opened(
    django_database: TestDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the ledger is gone")

    monkeypatch.setattr("testkase.services.organizations.operations.ledger.execute_one", broken)
    with pytest.raises(RuntimeError):
        Client().post("/accounts/signup/", SIGN_UP)
    assert not models().User.objects.exists()
    assert not models().Organization.objects.exists()


def test_a_name_nobody_can_see_is_asked_for_again_and_none_turns_the_text_around_it(
    django_database: TestDatabase,
) -> None:
    """Histories name people within sentences: one signed up under a name that turned all behind it round."""
    for field in ("name", "organization"):
        page = Client().post("/accounts/signup/", {**SIGN_UP, field: "\u200b"})
        assert (page.status_code, "This field is required" in page.content.decode()) == (200, True)
    Client().post("/accounts/signup/", {**SIGN_UP, "name": "\u202eecilA"})
    assert models().User.objects.get().display_name == "ecilA"


def test_an_address_signs_up_once_however_it_is_written(django_database: TestDatabase) -> None:
    Client().post("/accounts/signup/", SIGN_UP)
    response = Client().post("/accounts/signup/", {**SIGN_UP, "email": "NORA@newcomer.EXAMPLE"})
    assert response.status_code == 200
    assert models().User.objects.count() == 1


def test_people_sign_in_with_their_address_and_out_again(visitors: Visitors) -> None:
    client = Client()
    credentials = {"login": visitors.demo.emails["member"], "password": visitors.demo.passwords["member"]}
    assert client.post("/accounts/login/", credentials).headers["Location"] == "/"
    assert client.get("/projects").status_code == 200
    client.post("/accounts/logout/")
    assert client.get("/projects").status_code == 302


def test_a_wrong_password_says_so_without_saying_which_part_was_wrong(visitors: Visitors) -> None:
    for address in (visitors.demo.emails["member"], "nobody@nowhere.example"):
        page = Client().post("/accounts/login/", {"login": address, "password": "wrong"}).content.decode()
        assert "not correct" in page


def test_a_forgotten_password_is_reset_through_a_link_that_works_once(visitors: Visitors) -> None:
    client = Client()
    client.post("/accounts/password/reset/", {"email": visitors.demo.emails["member"]})
    link = re.search(r"http://[^/]+(/accounts/password/reset/key/\S+)", str(mail.outbox[-1].body))
    assert link is not None
    form = client.get(link[1]).headers["Location"]
    client.post(form, {"password1": "a-brand-new-secret", "password2": "a-brand-new-secret"})
    credentials = {"login": visitors.demo.emails["member"], "password": "a-brand-new-secret"}
    assert Client().post("/accounts/login/", credentials).status_code == 302
    assert "within an hour" in str(mail.outbox[-2].body)
    letter = mail.outbox[-1]
    assert letter.subject == "You have a new password · TestKase"
    assert re.search(r"on \d+ \w+ 20\d\d, \d\d:\d\d UTC from 127\.0\.0\.1, with", str(letter.body))
    assert "http://127.0.0.1:8000/accounts/password/reset/\n" in str(letter.body), "what to do if it was not them"
    again = Client().get(link[1], follow=True)
    assert "does not work any more" in again.content.decode()


def test_asking_for_a_reset_of_an_unknown_address_answers_alike(visitors: Visitors) -> None:
    known = Client().post("/accounts/password/reset/", {"email": visitors.demo.emails["member"]})
    unknown = Client().post("/accounts/password/reset/", {"email": "nobody@nowhere.example"})
    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])


def claimed(visitors: Visitors, address: str) -> str:
    """The demo's member has added a stranger's address to their own, by mistake or not, and nobody has confirmed it."""
    from allauth.account.models import EmailAddress

    member = models().User.objects.get(email=visitors.demo.emails["member"])
    EmailAddress.objects.create(user=member, email=address, verified=False)
    return address


def test_no_link_into_an_account_goes_to_an_address_that_is_only_claimed(visitors: Visitors) -> None:
    """Whoever reads it chose a new password for somebody else's account, and was in."""
    address = claimed(visitors, "typo@stranger.example")
    sent = len(mail.outbox)
    answer = Client().post("/accounts/password/reset/", {"email": address.title()})
    assert answer.headers["Location"] == "/accounts/password/reset/done/"
    assert not [letter for letter in mail.outbox[sent:] if "/reset/key/" in str(letter.body)]


def test_an_address_that_somebody_only_claims_is_free_for_whoever_reads_it(visitors: Visitors) -> None:
    address = claimed(visitors, "nina@newcomer.example")
    answer = Client().post("/accounts/signup/", {**SIGN_UP, "email": address})
    assert answer.status_code == 302, "the account exists already, it said"
    Client().post("/accounts/password/reset/", {"email": address})
    newcomer = models().User.objects.get(email=address)
    (link,) = re.findall(r"/reset/key/(\w+)-", str(mail.outbox[-1].body))
    assert int(link, 36) == newcomer.pk
    taken = Client().post("/accounts/signup/", {**SIGN_UP, "email": address})
    assert "already registered" in taken.content.decode()


def test_a_link_out_of_a_letter_confirms_an_address_for_the_account_alone_that_gave_it(visitors: Visitors) -> None:
    """Whoever followed one they had not asked for gave their address to a stranger's account."""
    from allauth.account.models import EmailAddress, EmailConfirmationHMAC

    address = claimed(visitors, "reader@elsewhere.example")
    row = EmailAddress.objects.get(email=address)
    link = f"/accounts/confirm-email/{EmailConfirmationHMAC(row).key}/"

    def confirmed() -> bool:
        row.refresh_from_db()
        return row.verified

    reader, other, asker = Client(), visitors.client_of("admin"), visitors.client_of("member")
    assert "only that account can confirm it" in other.get(link).content.decode()
    assert [client.post(link).status_code for client in (reader, other)] == [302, 403]
    assert not confirmed()
    assert other.get("/projects").status_code == 200, "a link signs nobody out"
    assert "becomes an address of your account" in asker.get(link).content.decode()
    assert asker.post(link).status_code == 302
    assert confirmed()


def test_only_a_confirmed_address_becomes_the_one_an_account_is_known_by(visitors: Visitors) -> None:
    """A stranger's ended in an error of ours, and one that nobody has an account with yet was taken."""
    from allauth.account.models import EmailAddress

    client = Client()
    client.post("/accounts/signup/", {**SIGN_UP, "email": "own@newcomer.example"})
    client.post("/accounts/reauthenticate/", {"password": SIGN_UP["password1"]})
    for address in (visitors.demo.emails["owner"], "nobody@stranger.example"):
        client.post("/accounts/email/", {"email": address, "action_add": ""})
        assert "Make primary" not in client.get("/accounts/email/").content.decode()
        answer = client.post("/accounts/email/", {"email": address, "action_primary": ""}, follow=True)
        assert "Confirm the address first" in answer.content.decode()
    assert models().User.objects.get(email="own@newcomer.example").display_name == SIGN_UP["name"]
    EmailAddress.objects.filter(email="nobody@stranger.example").update(verified=True)
    client.post("/accounts/email/", {"email": "nobody@stranger.example", "action_primary": ""})
    assert models().User.objects.filter(email="nobody@stranger.example").exists()


def test_whoever_belongs_to_no_organization_has_addresses_too(visitors: Visitors) -> None:
    client = Client()
    client.force_login(models().User.objects.create_user("alone@nowhere.example", "three unrelated words"))
    assert client.get("/accounts/email/").status_code == 200


def test_an_address_only_claimed_goes_when_the_account_confirms_its_own(visitors: Visitors) -> None:
    """Or whoever signs up under a stranger's address would keep a way into whatever the stranger joins later."""
    from allauth.account.internal.flows.email_verification import verify_email
    from allauth.account.models import EmailAddress
    from django.contrib.messages.storage.fallback import FallbackStorage
    from django.test import RequestFactory

    from tests.support.people import models

    user = models().User.objects.create_user("victim@corp.example", "three unrelated words")
    EmailAddress.objects.create(user=user, email=user.email, primary=True, verified=False)
    request = RequestFactory().get("/")
    request.session = {}  # type: ignore[assignment]
    request._messages = FallbackStorage(request)  # type: ignore[attr-defined]
    verify_email(request, EmailAddress.objects.create(user=user, email="own@elsewhere.example"))

    user.refresh_from_db()
    assert (user.email, user.ref) == ("own@elsewhere.example", "own@elsewhere.example")
    assert [one.email for one in EmailAddress.objects.filter(user=user)] == ["own@elsewhere.example"]
    assert models().User.objects.create_user("victim@corp.example", "three other words").ref == "victim@corp.example"


def test_an_address_no_letter_reaches_is_refused_and_nothing_is_made(visitors: Visitors) -> None:
    """Django takes it for an address; what makes it into a letter does not."""
    from tests.support.people import models

    nowhere = f"nora@{'ä' * 60}.example"
    page = Client().post("/accounts/signup/", {**SIGN_UP, "email": nowhere})
    assert page.status_code == 200
    assert "No letter can be sent to this address" in page.content.decode()
    assert not models().User.objects.filter(email=nowhere).exists()
    invited = visitors.client_of("owner").post("/settings/members", {"email": nowhere, "role": "member"})
    assert invited.status_code == 422


def test_a_mail_server_that_is_away_breaks_no_page_and_tells_no_address_from_another(
    django_database: TestDatabase,
) -> None:
    nobody_there = {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_PORT": 1}
    words = "An e-mail to {} could not be sent."
    with override_settings(**nobody_there, EMAIL_HOST="127.0.0.1"):
        client = Client()
        assert client.post("/accounts/signup/", SIGN_UP).headers["Location"] == "/"
        assert words.format("nora@newcomer.example") in client.get("/settings/ai-credits").content.decode()
        change = {"oldpassword": SIGN_UP["password1"], "password1": "other-lantern-43", "password2": "other-lantern-43"}
        assert client.post("/accounts/password/change/", change).status_code == 302
        assert models().User.objects.get().check_password("other-lantern-43")
        for address in ("nora@newcomer.example", "nobody@nowhere.example"):
            answer = Client().post("/accounts/password/reset/", {"email": address}, follow=True)
            assert answer.redirect_chain == [("/accounts/password/reset/done/", 302)]
            assert words.format(address) in answer.content.decode()


def test_every_change_of_an_account_is_told_in_words_of_ours() -> None:
    """A change that a new version of allauth tells of has none here yet."""
    import allauth

    from testkase.entrypoints.web.sign_in.changed import CHANGES

    templates = Path(allauth.__file__).parent / "templates"
    told = {
        str(path.relative_to(templates)).removesuffix("_message.txt")
        for path in templates.glob("*/email/*_message.txt")
        if "base_notification" in path.read_text()
    }
    assert told == set(CHANGES)
