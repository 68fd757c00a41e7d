"""Signing in through an identity provider: who gets in, who opens what, and every lie that is refused."""

import html
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.core import mail
from django.test import Client, override_settings

from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider, identity_provider
from tests.support.invitations import invited, role_of
from tests.support.people import models

LOGIN, CALLBACK = "/accounts/oidc/acme/login/", "/accounts/oidc/acme/login/callback/"
Forgery = Callable[[IdentityProvider, dict[str, Any]], str]


@pytest.fixture(scope="module")
def visitors(module_database: TestDatabase) -> Iterator[Visitors]:
    with django_on(module_database):
        yield visiting()


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    """Acme's provider, named to the product by the operator; a second one stands beside it."""
    with identity_provider(sub="ada", email="ada@acme.example", email_verified=True, name="Ada Acme") as running:
        secret = {"client_id": CLIENT_ID, "secret": CLIENT_SECRET}
        apps = [
            {"provider_id": "acme", "name": "Acme", **secret, "settings": {"server_url": running.url}},
            {"provider_id": "other", "name": "Other", **secret, "settings": {"server_url": "http://127.0.0.1:9"}},
        ]
        with override_settings(SOCIALACCOUNT_PROVIDERS={"openid_connect": {"APPS": apps}}):
            yield running


def sent_to(client: Client, query: str = "") -> str:
    """The address the product sends somebody to who presses the button."""
    response = client.post(LOGIN + query)
    assert response.status_code == 200
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', response.content.decode())
    assert found is not None
    return html.unescape(found[1])


def comes_back(client: Client, provider: IdentityProvider, query: str = "") -> Any:
    """Press the button, agree at the provider, come back; the product's answer."""
    return client.get(CALLBACK + provider.allow(sent_to(client, query)))


def signs_up(client: Client, provider: IdentityProvider, organization: str = "Acme") -> Any:
    answer = comes_back(client, provider)
    assert answer.status_code == 302, answer.content.decode()
    assert answer.headers["Location"] == "/accounts/3rdparty/signup/"
    return client.post("/accounts/3rdparty/signup/", {"name": "Ada Acme", "organization": organization})


def person(email: str) -> Any:
    return models().User.objects.filter(email=email).first()


def test_the_sign_in_page_offers_every_provider(visitors: Visitors, provider: IdentityProvider) -> None:
    page = Client().get("/accounts/login/").content.decode()
    assert "Continue with Acme" in page
    assert "Continue with Other" in page


@pytest.mark.requirement("R5", "P14")
def test_somebody_new_signs_up_opens_an_organization_and_signs_in_again(
    visitors: Visitors, provider: IdentityProvider
) -> None:
    client = Client()
    assert signs_up(client, provider, "Acme Works").headers["Location"] == "/"
    page = client.get("/settings/ai-credits").content.decode()
    assert "Acme Works" in page
    assert "AI is off for this organization" in page
    made = person("ada@acme.example")
    assert not made.has_usable_password()
    assert made.emailaddress_set.get().verified
    again = Client()
    assert comes_back(again, provider).headers["Location"] == "/"
    assert "Acme Works" in again.get("/settings/ai-credits").content.decode()
    assert models().Organization.objects.filter(name="Acme Works").count() == 1
    kept = made.socialaccount_set.get().extra_data
    assert set(kept["id_token"]) <= {"sub", "email", "email_verified", "name"}


@pytest.mark.requirement("P15")
def test_somebody_invited_joins_instead_of_opening_an_organization(
    visitors: Visitors, provider: IdentityProvider
) -> None:
    provider.claims |= {"sub": "ivo", "email": "Ivo@Acme.example", "name": "Ivo Invited"}
    letter = invited(visitors.client_of("admin"), "ivo@acme.example", "admin")
    client = Client()
    assert "Continue with Acme" in client.get(letter).content.decode()
    assert comes_back(client, provider, f"?process=login&next={letter}").status_code == 302
    form = client.get("/accounts/3rdparty/signup/").content.decode()
    assert "You join Northwind Labs as Admin" in form
    assert client.post("/accounts/3rdparty/signup/", {"name": "Ivo"}).headers["Location"] == "/"
    assert "Northwind Labs" in client.get("/settings/ai-credits").content.decode()
    assert role_of(visitors.demo, "ivo@acme.example") == "admin"
    assert person("ivo@acme.example").memberships.count() == 1


def test_an_invitation_to_somebody_else_gives_nothing(visitors: Visitors, provider: IdentityProvider) -> None:
    provider.claims |= {"sub": "eve", "email": "eve@acme.example"}
    letter = invited(visitors.client_of("admin"), "boss@acme.example", "admin")
    client = Client()
    comes_back(client, provider, f"?process=login&next={letter}")
    form = client.get("/accounts/3rdparty/signup/").content.decode()
    assert 'name="organization"' in form
    assert "The invitation to join Northwind Labs is for boss@acme.example" in form
    assert "and Acme says that you are eve@acme.example" in form
    client.post("/accounts/3rdparty/signup/", {"name": "Eve", "organization": "Eve Ltd", "email": "boss@acme.example"})
    assert person("boss@acme.example") is None
    assert role_of(visitors.demo, "eve@acme.example") is None


def test_an_address_does_not_open_the_account_of_that_address(visitors: Visitors, provider: IdentityProvider) -> None:
    """The classic takeover: whoever makes a provider say an address must not get into its account."""
    for verified in (True, False, "true", 1, None):
        provider.claims |= {"sub": "mallory", "email": visitors.demo.emails["owner"], "email_verified": verified}
        client = Client()
        answer = comes_back(client, provider)
        assert answer.status_code == 403
        text = answer.content.decode()
        assert ("You have an account already" if verified is True else "Your address is not verified") in text
        assert client.get("/projects").status_code == 302
    assert not person(visitors.demo.emails["owner"]).socialaccount_set.exists()


@pytest.mark.parametrize("claims", [{"email_verified": False}, {"email_verified": "true"}, {"email": None}])
def test_nobody_new_gets_in_under_an_address_that_is_not_verified(
    visitors: Visitors, provider: IdentityProvider, claims: dict[str, Any]
) -> None:
    provider.claims |= {"sub": "ned", "email": "ned@acme.example", **claims}
    assert comes_back(Client(), provider).status_code == 403
    assert person("ned@acme.example") is None


def test_the_owner_of_an_account_connects_it_and_disconnects_it(visitors: Visitors, provider: IdentityProvider) -> None:
    provider.claims |= {"sub": "mira", "email": "mira.other@acme.example"}
    client = Client()
    credentials = {"login": visitors.demo.emails["member"], "password": visitors.demo.passwords["member"]}
    client.post("/accounts/login/", credentials)
    client.post("/accounts/reauthenticate/", {"password": credentials["password"]})
    assert comes_back(client, provider, "?process=connect").headers["Location"] == "/accounts/3rdparty/"
    assert "Disconnect" in client.get("/accounts/3rdparty/").content.decode()
    fresh = Client()
    assert comes_back(fresh, provider).headers["Location"] == "/"
    assert visitors.demo.emails["member"] in fresh.get("/settings/account").content.decode()
    account = person(visitors.demo.emails["member"]).socialaccount_set.get()
    client.post("/accounts/3rdparty/", {"account": account.pk})
    assert not person(visitors.demo.emails["member"]).socialaccount_set.exists()


def test_the_letter_about_a_new_way_in_says_that_a_password_alone_does_not_close_it(
    visitors: Visitors, provider: IdentityProvider
) -> None:
    """Whoever followed it had a new password, and the intruder went on coming in through the provider."""
    provider.claims |= {"sub": "intruder", "email": "intruder@acme.example"}
    client = Client()
    credentials = {"login": visitors.demo.emails["admin"], "password": visitors.demo.passwords["admin"]}
    client.post("/accounts/login/", credentials)
    client.post("/accounts/reauthenticate/", {"password": credentials["password"]})
    comes_back(client, provider, "?process=connect")
    letter = mail.outbox[-1]
    assert letter.subject == "Acme signs you in from now on · TestKase"
    said = "That alone does not keep them out: Acme lets them in without a password. So disconnect it as well:"
    assert f"{said}\n\nhttp://127.0.0.1:8000/accounts/3rdparty/\n" in str(letter.body)
    client.post("/accounts/3rdparty/", {"account": person(credentials["login"]).socialaccount_set.get().pk})
    assert "keep them out" not in str(mail.outbox[-1].body)


def test_the_last_way_in_stays_and_the_page_says_what_to_do_first(
    visitors: Visitors, provider: IdentityProvider
) -> None:
    provider.claims |= {"sub": "only", "email": "only@acme.example"}
    client = Client()
    signs_up(client, provider, "Only One")
    account = person("only@acme.example").socialaccount_set.get()
    page = client.post("/accounts/3rdparty/", {"account": account.pk}).content.decode()
    assert "Set a password under Your account first" in page
    assert person("only@acme.example").socialaccount_set.exists()


def test_connecting_wants_the_password_once_more(visitors: Visitors, provider: IdentityProvider) -> None:
    provider.claims |= {"sub": "quick"}
    answer = comes_back(visitors.client_of("admin"), provider, "?process=connect")
    assert answer.headers["Location"].startswith("/accounts/reauthenticate/")
    assert not person(visitors.demo.emails["admin"]).socialaccount_set.exists()


def _with(**claims: Any) -> Forgery:
    return lambda provider, honest: provider.sign({**honest, **claims})


def _without(name: str) -> Forgery:
    return lambda provider, honest: provider.sign({key: value for key, value in honest.items() if key != name})


FORGERIES: dict[str, Forgery] = {
    "another nonce": _with(nonce="somebody else's"),
    "no nonce": _without("nonce"),
    "another audience": _with(aud="another-program"),
    "for another party": _with(aud=[CLIENT_ID, "another-program"], azp="another-program"),
    "another issuer": _with(iss="https://evil.example"),
    "expired": _with(exp=int(time.time()) - 60),
    "without an end": _without("exp"),
    "nobody": _without("sub"),
    "signed with another key": lambda provider, honest: provider.sign(honest, ec.generate_private_key(ec.SECP256R1())),
    "not signed": lambda provider, honest: jwt.encode(honest, "", algorithm="none", headers={"kid": "key-1"}),
    "signed with the client's secret": lambda provider, honest: jwt.encode(
        honest, CLIENT_SECRET.ljust(64), algorithm="HS256", headers={"kid": "key-1"}
    ),
    "changed since": lambda provider, honest: provider.sign(honest)[:-6] + "AAAAAA",
    "no token at all": lambda provider, honest: "",
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_answer_lets_nobody_in(visitors: Visitors, provider: IdentityProvider, forgery: str) -> None:
    provider.claims |= {"sub": "ada", "email": "forged@acme.example"}
    provider.forge = FORGERIES[forgery]
    client = Client()
    answer = comes_back(client, provider)
    assert "That did not work" in answer.content.decode()
    assert client.get("/projects").status_code == 302
    assert client.get("/accounts/3rdparty/signup/").status_code == 302, "no sign-up is pending"


def test_an_answer_is_for_the_browser_that_asked_and_for_one_use(
    visitors: Visitors, provider: IdentityProvider
) -> None:
    asking, other = Client(), Client()
    back = provider.allow(sent_to(asking))
    assert "That did not work" in other.get(CALLBACK + back).content.decode()
    assert asking.get(CALLBACK + back).status_code == 302
    assert "That did not work" in asking.get(CALLBACK + back).content.decode()


def test_a_link_cannot_choose_what_is_asked_of_the_provider(visitors: Visitors, provider: IdentityProvider) -> None:
    address = sent_to(Client(), "?scope=admin&auth_params=redirect_uri%3Dhttps%3A%2F%2Fevil.example%26nonce%3Dknown")
    assert "evil.example" not in address
    assert "admin" not in address
    assert "nonce=known" not in address


def test_what_the_provider_says_of_somebody_else_is_not_taken(visitors: Visitors, provider: IdentityProvider) -> None:
    provider.claims = {"sub": "uma"}
    provider.userinfo = {"sub": "victim", "email": "victim@acme.example", "email_verified": True}
    assert "That did not work" in comes_back(Client(), provider).content.decode()
    provider.userinfo["sub"] = "uma"
    assert comes_back(Client(), provider).headers["Location"] == "/accounts/3rdparty/signup/"


def test_nobody_new_is_kept_out_by_somebody_who_only_claims_their_address(
    visitors: Visitors, provider: IdentityProvider
) -> None:
    from allauth.account.models import EmailAddress

    member = person(visitors.demo.emails["member"])
    EmailAddress.objects.create(user=member, email="claimed@acme.example", verified=False)
    provider.claims |= {"sub": "claimed", "email": "claimed@acme.example"}
    signs_up(Client(), provider, "Not Claimed")
    assert person("claimed@acme.example").pk != member.pk


@pytest.mark.parametrize(
    "config", [{"issuer": "https://evil.example"}, {"token_endpoint": "http://10.0.0.1/token"}, {"jwks_uri": None}]
)
def test_a_provider_that_publishes_something_else_is_not_trusted(
    visitors: Visitors, provider: IdentityProvider, config: dict[str, Any]
) -> None:
    provider.config = config
    assert "That did not work" in Client().post(LOGIN).content.decode()


def test_a_provider_that_is_down_or_unknown_is_no_broken_page(visitors: Visitors, provider: IdentityProvider) -> None:
    assert "That did not work" in Client().post("/accounts/oidc/other/login/").content.decode()
    assert Client().post("/accounts/oidc/nobody/login/").status_code == 404
    assert Client().get("/accounts/oidc/nobody/login/callback/?code=1&state=1").status_code == 404
    cancelled = provider.allow(sent_to(client := Client())).partition("state=")[2]
    answer = client.get(f"{CALLBACK}?error=access_denied&state={cancelled}")
    assert answer.headers["Location"] == "/accounts/3rdparty/login/cancelled/"


def test_a_second_step_is_asked_after_the_provider_too(visitors: Visitors, provider: IdentityProvider) -> None:
    from allauth.mfa.models import Authenticator

    provider.claims |= {"sub": "two", "email": "two@acme.example"}
    signs_up(Client(), provider, "Two Steps")
    Authenticator.objects.create(user=person("two@acme.example"), type="totp", data={"secret": "v1.sealed"})
    client = Client()
    assert comes_back(client, provider).headers["Location"] == "/accounts/2fa/authenticate/"
    assert client.get("/projects").status_code == 302
