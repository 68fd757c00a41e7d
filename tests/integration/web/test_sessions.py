"""A session begins with the sign-in and ends with it; where a sign-in leads, what guesses it, and what it may bring."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client, override_settings

from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on
from tests.support.people import models

ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example",
    "\\\\evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "http://testserver@evil.example/",
    "https://testserver.evil.example/",
    "\t//evil.example",
]


@pytest.fixture(scope="module")
def visitors(module_database: TestDatabase) -> Iterator[Visitors]:
    with django_on(module_database):
        yield visiting()


@pytest.fixture(autouse=True)
def _fresh_rates(visitors: Visitors) -> Iterator[None]:
    from django.core.cache import cache

    yield
    cache.clear()


def credentials(visitors: Visitors, role: str = "member") -> dict[str, str]:
    return {"login": visitors.demo.emails[role], "password": visitors.demo.passwords[role]}


def key_of(client: Client) -> str:
    return client.cookies["sessionid"].value


def is_kept(key: str) -> bool:
    from django.contrib.sessions.models import Session

    return Session.objects.filter(session_key=key).exists()


def bearing(key: str) -> Client:
    """A browser that has nothing but this session's cookie."""
    client = Client()
    client.cookies["sessionid"] = key
    return client


def test_signing_in_makes_a_new_session_and_ends_the_one_before(visitors: Visitors) -> None:
    victim = Client()
    planted = victim.session
    planted["mark"] = "of an attacker"
    planted.save()
    before = key_of(victim)
    assert victim.post("/accounts/login/", credentials(visitors)).status_code == 302
    assert key_of(victim) != before
    assert not is_kept(before)
    assert bearing(before).get("/projects").status_code == 302
    assert len(key_of(victim)) >= 32


def test_signing_out_ends_the_session_for_whoever_has_its_cookie(visitors: Visitors) -> None:
    client = Client()
    client.post("/accounts/login/", credentials(visitors))
    key = key_of(client)
    assert bearing(key).get("/projects").status_code == 200
    client.post("/accounts/logout/")
    assert bearing(key).get("/projects").status_code == 302
    assert not is_kept(key)


def test_a_link_signs_nobody_out_and_nobody_in(visitors: Visitors) -> None:
    client = Client()
    client.post("/accounts/login/", credentials(visitors))
    client.get("/accounts/logout/")
    assert client.get("/projects").status_code == 200
    asked = "&".join(f"{name}={quote(value)}" for name, value in credentials(visitors).items())
    stranger = Client()
    stranger.get(f"/accounts/login/?{asked}")
    assert stranger.get("/projects").status_code == 302


def test_an_account_that_is_switched_off_is_out_at_once(visitors: Visitors) -> None:
    client = Client()
    client.post("/accounts/login/", credentials(visitors, "admin"))
    person = models().User.objects.filter(email=visitors.demo.emails["admin"])
    person.update(is_active=False)
    try:
        assert client.get("/projects").status_code == 302
        assert Client().post("/accounts/login/", credentials(visitors, "admin")).headers.get("Location") != "/"
    finally:
        person.update(is_active=True)


@pytest.mark.parametrize("where", ELSEWHERE)
def test_a_sign_in_leads_to_no_other_host(visitors: Visitors, where: str) -> None:
    for client, page in (
        (Client(), "/accounts/login/"),
        (visitors.client_of("member"), "/accounts/reauthenticate/"),
    ):
        answer = client.post(f"{page}?next={quote(where)}", {**credentials(visitors), "next": where})
        assert answer.status_code == 302
        leads = answer.headers["Location"]
        assert leads.startswith("/")
        assert not leads.startswith(("//", "/\\"))
        assert "evil" not in leads


def test_guessing_a_password_is_slowed_down_even_for_the_right_one(visitors: Visitors) -> None:
    with override_settings(ACCOUNT_RATE_LIMITS={}):
        for number in range(5):
            guessed = {**credentials(visitors), "password": f"guess-number-{number}"}
            assert "not correct" in Client().post("/accounts/login/", guessed).content.decode()
        answer = Client().post("/accounts/login/", credentials(visitors))
        assert answer.status_code != 302
        assert "Too many failed" in answer.content.decode()
        other = Client().post("/accounts/login/", credentials(visitors, "owner"))
    assert other.status_code == 302, "one account's guesses lock nobody else out"


def test_whoever_is_signed_in_stays_while_somebody_guesses(visitors: Visitors) -> None:
    client = Client()
    client.post("/accounts/login/", credentials(visitors))
    with override_settings(ACCOUNT_RATE_LIMITS={}):
        for number in range(6):
            Client().post("/accounts/login/", {**credentials(visitors), "password": f"guess-number-{number}"})
        assert client.get("/projects").status_code == 200


def test_asking_for_letters_and_accounts_is_slowed_down(visitors: Visitors) -> None:
    with override_settings(ACCOUNT_RATE_LIMITS={}):
        answers = [Client().post("/accounts/password/reset/", {"email": "nora@newcomer.example"}) for _ in range(6)]
        assert answers[0].status_code == 302
        assert answers[-1].status_code == 429
        signed_up = [Client().post("/accounts/signup/", {"email": "x"}).status_code for _ in range(21)]
    assert signed_up[-1] == 429


@pytest.mark.parametrize(
    "word", ["testkase-2026", "TestKase!!!2026", "Password1234", "aaaaaaaaaa", "short", "credits-2026-admin"]
)
def test_a_password_that_is_easy_to_guess_here_makes_no_account(visitors: Visitors, word: str) -> None:
    form = {"name": "Nora", "organization": "New", "email": "nora@new.example", "password1": word}
    assert Client().post("/accounts/signup/", form).status_code == 200
    assert not models().User.objects.filter(email="nora@new.example").exists()


@pytest.mark.parametrize("word", ["7302846195", "  two spaces  between  ", "ünïcödé-und-mehr", "x1" * 64])
def test_a_password_is_taken_exactly_as_it_was_typed(visitors: Visitors, word: str) -> None:
    email = f"p{abs(hash(word))}@new.example"
    form = {"name": "Nora", "organization": "New", "email": email, "password1": word}
    assert Client().post("/accounts/signup/", form).status_code == 302
    assert Client().post("/accounts/login/", {"login": email, "password": word}).status_code == 302
    for other in (word.strip() + "x", word.swapcase() + " ", word[:-1]):
        assert Client().post("/accounts/login/", {"login": email, "password": other}).status_code == 200


def test_nobody_signs_themselves_up_for_more_than_an_account(visitors: Visitors) -> None:
    form = {"name": "Nora", "organization": "More", "email": "more@new.example", "password1": "quiet-lantern-42"}
    more = {"is_staff": "1", "is_superuser": "1", "role": "owner", "org_id": str(visitors.demo.org_id), "id": "1"}
    assert Client().post("/accounts/signup/", {**form, **more}).status_code == 302
    person = models().User.objects.get(email="more@new.example")
    assert not person.is_staff
    assert not person.is_superuser
    assert not models().Membership.objects.filter(user=person, organization_id=visitors.demo.org_id).exists()


@pytest.mark.parametrize(("aged", "days", "lasts"), [("seen_at", 6, True), ("seen_at", 8, False), ("both", 15, False)])
def test_a_session_ends_when_nobody_looks_and_after_two_weeks_at_the_latest(
    visitors: Visitors, aged: str, days: int, lasts: bool
) -> None:
    client = Client()
    client.post("/accounts/login/", credentials(visitors))
    session = client.session
    for name in ("signed_in_at", "seen_at") if aged == "both" else (aged,):
        session[name] -= days * 86_400
    session.save()
    key = key_of(client)
    assert (client.get("/projects").status_code == 200) is lasts
    assert is_kept(key) is lasts
    if lasts:
        assert client.session["seen_at"] > session["seen_at"]


def test_looking_all_the_time_makes_no_session_last_longer(visitors: Visitors) -> None:
    client = Client()
    client.post("/accounts/login/", credentials(visitors))
    session = client.session
    session["signed_in_at"] -= 15 * 86_400
    session.save()
    assert client.get("/projects").status_code == 302


def test_every_sign_in_and_every_failure_is_logged_without_an_address(
    visitors: Visitors, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="testkase.services.organizations.security")
    client = Client()
    client.post("/accounts/login/", {**credentials(visitors), "password": "wrong"})
    client.post("/accounts/login/", credentials(visitors))
    client.post("/accounts/logout/")
    said = [one.getMessage() for one in caplog.records if one.name == "testkase.services.organizations.security"]
    assert [line.partition(":")[0] for line in said] == ["sign-in failed", "signed in", "signed out"]
    assert "by password" in said[1]
    assert visitors.demo.emails["member"] not in " ".join(said)
    assert visitors.demo.passwords["member"] not in " ".join(said)


@pytest.fixture
def forgetful(visitors: Visitors) -> Iterator[str]:
    """The owner, who afterwards has the password of before and no second step."""
    from allauth.mfa.models import Authenticator

    email = visitors.demo.emails["owner"]
    yield email
    owner = models().User.objects.get(email=email)
    owner.set_password(visitors.demo.passwords["owner"])
    owner.save()
    Authenticator.objects.filter(user=owner).delete()


def test_a_new_password_by_letter_does_not_go_past_the_second_step(visitors: Visitors, forgetful: str) -> None:
    """And the link is good for an hour, and only until the password is another one."""
    import re

    from django.conf import settings
    from django.core import mail

    from tests.integration.web.test_two_step import set_up, signed_in

    assert settings.PASSWORD_RESET_TIMEOUT == 3_600
    set_up(signed_in(visitors, "owner"))
    client = Client()
    client.post("/accounts/password/reset/", {"email": forgetful})
    link = re.search(r"http://[^/]+(/accounts/password/reset/key/\S+)", str(mail.outbox[-1].body))
    assert link is not None
    form = client.get(link[1]).headers["Location"]
    answer = client.post(form, {"password1": "a-brand-new-secret", "password2": "a-brand-new-secret"}, follow=True)
    assert answer.redirect_chain[-1][0].startswith("/accounts/2fa/authenticate/")
    assert client.get("/projects").status_code == 302


def test_another_address_wants_the_password_once_more(visitors: Visitors) -> None:
    client = visitors.client_of("admin")
    answer = client.post("/accounts/email/", {"email": "second@northwind.example", "action_add": ""})
    assert answer.headers["Location"].startswith("/accounts/reauthenticate/")


def test_no_address_of_the_pages_takes_a_form_without_the_sessions_token(visitors: Visitors) -> None:
    """Whatever the view would say: the token is asked for before it."""
    from django.urls import NoReverseMatch, get_resolver, reverse

    strict = Client(enforce_csrf_checks=True)
    strict.cookies = visitors.client_of("owner").cookies
    tried, taken = 0, []
    known: Any = get_resolver().reverse_dict
    for name in {key for key in known if isinstance(key, str)} - {"purchase_callback"}:
        possible: Any = known[name]
        for _, parameters in possible[0]:
            try:
                address = reverse(name, kwargs=dict.fromkeys(parameters, "1"))
            except NoReverseMatch:
                continue
            tried += 1
            if strict.post(address, {"name": "x", "enable": "1"}).status_code != 403:
                taken.append(address)
    assert taken == []
    assert tried > 80
