"""Two-step sign-in through the product's own pages: app codes, recovery codes, what is kept, and what is refused."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.test import Client, override_settings

from tests.integration.web.conftest import Visitors, visiting
from tests.support.cluster import TestDatabase
from tests.support.django import django_on
from tests.support.installation import operate

SET_UP, SWITCH_OFF = "/accounts/2fa/totp/activate/", "/accounts/2fa/totp/deactivate/"
RECOVERY = "/accounts/2fa/recovery-codes/"


@pytest.fixture(scope="module")
def visitors(module_database: TestDatabase) -> Iterator[Visitors]:
    with django_on(module_database):
        yield visiting()


@pytest.fixture(autouse=True)
def _fresh_rates(visitors: Visitors) -> Iterator[None]:
    """Every test has its own second factor, and codes used in one do not count in another."""
    from allauth.mfa.models import Authenticator
    from django.core.cache import cache

    yield
    Authenticator.objects.all().delete()
    cache.clear()


def signed_in(visitors: Visitors, role: str = "member") -> Client:
    """Signed in, with the password said once more a moment ago."""
    client = Client()
    credentials = {"login": visitors.demo.emails[role], "password": visitors.demo.passwords[role]}
    assert client.post("/accounts/login/", credentials).status_code == 302
    assert client.post("/accounts/reauthenticate/", {"password": credentials["password"]}).status_code == 302
    return client


def code_of(secret: str) -> str:
    """What an authenticator app with this secret shows now."""
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def set_up(client: Client) -> str:
    """Switch the app on; answers its secret."""
    response = client.get(SET_UP)
    page = response.content.decode()
    secret = re.search(r'id="totp-secret"[^>]*value="([A-Z2-7]+)"', page)
    assert secret is not None, (response.status_code, response.headers, page[:3000])
    assert 'src="data:image/svg+xml;base64,' in page
    assert client.post(SET_UP, {"code": code_of(secret[1])}).headers["Location"] == RECOVERY
    return secret[1]


def recovery_codes(client: Client) -> list[str]:
    return re.findall(r'<li class="mono">(\d{8})</li>', client.get(RECOVERY).content.decode())


def second_step(visitors: Visitors, code: str, role: str = "member") -> tuple[Client, Any]:
    """Password, then a code; the client and the last answer."""
    client = Client()
    credentials = {"login": visitors.demo.emails[role], "password": visitors.demo.passwords[role]}
    waiting = client.post("/accounts/login/", credentials)
    assert waiting.headers["Location"] == "/accounts/2fa/authenticate/"
    assert client.get("/projects").status_code == 302, "the password alone lets nobody in"
    assert "Second step" in client.get(waiting.headers["Location"]).content.decode()
    return client, client.post("/accounts/2fa/authenticate/", {"code": code})


def test_with_an_app_the_password_alone_does_not_let_in(visitors: Visitors) -> None:
    from django.core.cache import cache

    secret = set_up(signed_in(visitors))
    refused, answer = second_step(visitors, "000000")
    assert answer.status_code == 200
    assert "Incorrect code" in answer.content.decode()
    assert refused.get("/projects").status_code == 302
    cache.clear()
    client, answer = second_step(visitors, code_of(secret))
    assert answer.headers["Location"] == "/"
    assert client.get("/projects").status_code == 200


def test_a_code_works_once(visitors: Visitors) -> None:
    secret = set_up(signed_in(visitors))
    code = code_of(secret)
    assert second_step(visitors, code)[1].status_code == 302
    assert "Incorrect code" in second_step(visitors, code)[1].content.decode()


def test_a_used_code_is_remembered_for_as_long_as_it_would_be_taken(visitors: Visitors) -> None:
    """A phone's clock may be off by half a minute either way, so that is longer than its own half minute."""
    from django.db import connection

    secret = set_up(signed_in(visitors))
    assert second_step(visitors, code_of(secret))[1].status_code == 302
    with connection.cursor() as cursor:
        cursor.execute("SELECT extract(epoch FROM max(expires_at) - now()) FROM throttle WHERE value = '\"y\"'")
        assert cursor.fetchone()[0] > 90


def test_a_recovery_code_lets_in_once(visitors: Visitors) -> None:
    client = signed_in(visitors)
    set_up(client)
    codes = recovery_codes(client)
    assert len(set(codes)) == 10
    assert second_step(visitors, codes[0])[1].status_code == 302
    assert "Incorrect code" in second_step(visitors, codes[0])[1].content.decode()
    assert codes[0] not in recovery_codes(client)
    assert "9 left" in client.get("/accounts/2fa/").content.decode()


def test_new_recovery_codes_end_the_old_ones(visitors: Visitors) -> None:
    client = signed_in(visitors)
    set_up(client)
    old = recovery_codes(client)
    assert client.post(f"{RECOVERY}generate/").status_code == 302
    assert not set(old) & set(recovery_codes(client))
    assert "Incorrect code" in second_step(visitors, old[0])[1].content.decode()


def test_it_is_switched_off_again(visitors: Visitors) -> None:
    client = signed_in(visitors)
    set_up(client)
    assert "Switch off the authenticator app?" in client.get(SWITCH_OFF).content.decode()
    assert client.post(SWITCH_OFF).status_code == 302
    assert signed_in(visitors).get("/projects").status_code == 200


@pytest.mark.parametrize("page", [SET_UP, f"{RECOVERY}generate/"])
def test_changes_want_the_password_once_more_when_it_was_long_ago(visitors: Visitors, page: str) -> None:
    client = visitors.client_of("member")
    answer = client.get(page)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/accounts/reauthenticate/")
    assert "Confirm it is you" in client.get(answer.headers["Location"]).content.decode()


def test_secrets_are_sealed_in_the_database_and_open_for_their_owner_alone(visitors: Visitors) -> None:
    from allauth.mfa.models import Authenticator

    secret = set_up(signed_in(visitors, "member"))
    rows = Authenticator.objects.all()
    for row in rows:
        sealed = row.data.get("secret") or row.data["seed"]
        assert sealed.startswith("v1.")
        assert secret not in sealed
    # An attacker who can write the table gives somebody else the secret they know.
    stolen = rows.get(type="totp")
    set_up(signed_in(visitors, "admin"))
    Authenticator.objects.filter(user__email=visitors.demo.emails["admin"], type="totp").update(data=stolen.data)
    answer = second_step(visitors, code_of(secret), "admin")[1]
    assert answer.status_code == 200
    assert "cannot be checked" in answer.content.decode()


def test_guessing_is_slowed_down(visitors: Visitors) -> None:
    from django.test import override_settings

    set_up(signed_in(visitors))
    with override_settings(ACCOUNT_RATE_LIMITS={"login_failed": "5/5m/key"}):
        answers = [second_step(visitors, f"00000{number}")[1].content.decode() for number in range(7)]
    assert "Incorrect code" in answers[0]
    assert "Too many failed" in answers[-1]


def test_an_operator_lets_in_again_whom_the_second_step_shuts_out_for_good(
    visitors: Visitors, module_database: TestDatabase, tmp_path: Path
) -> None:
    secret, email = set_up(signed_in(visitors)), visitors.demo.emails["member"]
    with override_settings(SECRET_KEY="another, after which nothing sealed can be opened"):
        _, answer = second_step(visitors, code_of(secret))
        assert "Ask the operator" in answer.content.decode()
        ended = operate(tmp_path, "end-two-step", email.upper(), **module_database.environ())
        assert ended == (0, f"{email} signs in by password alone now; a letter says so.\n")
        assert signed_in(visitors).get("/projects").status_code == 200
    heard = signed_in(visitors).get("/notifications").content.decode()
    assert "Your two-step sign-in was taken away by the operator" in heard
    with psycopg.connect(module_database.owner_url) as owner:
        queued = owner.execute(
            "SELECT u.email FROM mail_queue JOIN notification AS n USING (org_id, notification_id)"
            " JOIN app_user AS u ON u.id = n.user_id WHERE n.kind = 'two_step.ended'"
        )
        assert queued.fetchall() == [(email,)]
    again = operate(tmp_path, "end-two-step", email, **module_database.environ())
    assert again == (0, f"{email} has no two-step sign-in.\n")
    assert operate(tmp_path, "end-two-step", "nobody@nowhere.example", **module_database.environ())[0] == 1
