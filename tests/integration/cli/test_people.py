"""Who may open the pages for staff, and whose sessions end."""

import os
from datetime import UTC, datetime

import psycopg

from tests.support.cluster import TestDatabase
from tests.support.commands import run_command
from tests.support.programs import Organizations


def _staff(database: TestDatabase, *words: str) -> tuple[int, str]:
    return _testkase(database, "staff", *words)


def _testkase(database: TestDatabase, *words: str) -> tuple[int, str]:
    done = run_command(*words, environ={**os.environ, **database.environ()})
    return done.returncode, done.stdout + done.stderr


def _is_staff(database: TestDatabase) -> list[tuple[bool, bool]]:
    with psycopg.connect(database.owner_url) as connection:
        return connection.execute("SELECT is_staff, is_superuser FROM app_user ORDER BY id").fetchall()


def test_an_account_becomes_staff_and_ceases_to_be(database: TestDatabase, organizations: Organizations) -> None:
    org = organizations.make()
    organizations.make_person(org.org_id, "owner")
    organizations.make_person(org.org_id, "member")
    with psycopg.connect(database.owner_url) as connection:
        (email,) = connection.execute("SELECT email FROM app_user ORDER BY id LIMIT 1").fetchone() or ("",)
    assert _staff(database, email.upper()) == (0, f"{email} is now a member of staff.\n")
    assert _is_staff(database) == [(True, True), (False, False)]
    assert _staff(database, email, "--remove")[0] == 0
    assert _is_staff(database) == [(False, False), (False, False)]


def test_nobody_without_an_account_becomes_staff(database: TestDatabase) -> None:
    code, said = _staff(database, "nobody@example.com")
    assert (code, said) == (1, "testkase: Nobody has an account with the address nobody@example.com.\n")


def test_without_a_provider_payments_cannot_be_reconciled(database: TestDatabase) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("RAZORPAY_")}
    done = run_command("match-report", environ={**environ, **database.environ(), "TESTKASE_DEMO": "0"})
    assert (done.returncode, "RAZORPAY_KEY_ID" in done.stderr) == (1, True)


def test_an_operator_ends_every_session_of_a_person(django_database: TestDatabase) -> None:
    from django.test import Client

    from tests.support.people import staged_demo

    demo = staged_demo()
    here, there, other = Client(), Client(), Client()
    for client, role in ((here, "member"), (there, "member"), (other, "owner")):
        client.post("/accounts/login/", {"login": demo.emails[role], "password": demo.passwords[role]})
    code, said = _testkase(django_database, "sign-out", demo.emails["member"].upper())
    assert (code, said) == (0, f"{demo.emails['member']} is signed out everywhere: 2 sessions ended.\n")
    assert [client.get("/projects").status_code for client in (here, there, other)] == [302, 302, 200]
    assert _testkase(django_database, "sign-out", "nobody@nowhere.example")[0] == 1


def test_an_organization_is_found_by_its_name_or_by_whoever_belongs_to_it(
    database: TestDatabase, organizations: Organizations
) -> None:
    """Every command that moves credits wants its number, which no page shows."""
    first, second = organizations.make(), organizations.make()
    for org in (first, second):
        organizations.make_person(org.org_id, "owner")
    with psycopg.connect(database.owner_url) as connection:
        name = "Größe 100% & [b]Söhne[/b] :bug:"
        connection.execute("UPDATE organization SET name = %s WHERE id = %s", [name, second.org_id])
        (email,) = connection.execute(
            "SELECT email FROM app_user JOIN membership ON user_id = app_user.id WHERE org_id = %s", [second.org_id]
        ).fetchone() or ("",)
    everybody = _testkase(database, "organizations")
    assert (everybody[0], everybody[1].splitlines()[-1]) == (0, "2 organizations.")
    line = f"{second.org_id}  {name}, owned by {email}, 1 member, since {datetime.now(UTC):%Y-%m-%d}"
    for words in ("größe", "100%", "[B]", email.upper()):
        assert _testkase(database, "organizations", words) == (0, f"{line}\n1 organization.\n")
    by_number = _testkase(database, "organizations", str(second.org_id))[1].splitlines()
    assert line in by_number, "beside others that have the digit in a name"
    code, said = _testkase(database, "organizations", "100_")
    assert (code, "No organization has that in its name" in said) == (1, True)
