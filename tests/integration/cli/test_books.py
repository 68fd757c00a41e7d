"""Operators' commands, run as an operator runs them."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import MagicMock

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from testkase.core.ledger.commands import Grant, Reverse
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.operations import execute_one
from testkase.entrypoints.cli.app import Installation
from testkase.entrypoints.cli.app import database as connected
from testkase.foundation.database import SyncDatabase
from testkase.foundation.problems import Unavailable
from tests.support.cluster import TestDatabase
from tests.support.commands import run_command
from tests.support.ledger import fresh_org, hold, open_account, settle


def _testkase(database: TestDatabase, *words: str) -> tuple[int, str]:
    done = run_command(*words, environ={**os.environ, **database.environ(), "COLUMNS": "200"})
    return done.returncode, done.stdout + done.stderr


def _organization(database: TestDatabase) -> int:
    org_id, writer = fresh_org(), SyncDatabase(database.app_url)
    writer.run(execute_one(open_account(org_id, time_zone="Asia/Kolkata")))
    writer.close()
    return org_id


def test_a_grant_acts_once_however_often_it_is_repeated(database: TestDatabase) -> None:
    org_id = str(_organization(database))
    words = ("grant", org_id, "12.5", "--id", "ticket-1", "--until", "2099-12-31")
    said = _testkase(database, *words)[1]
    assert said == f"12.50 credits granted: 312.50 available, entry 3 of organization {org_id}.\n"
    with psycopg.connect(database.owner_url) as connection:
        name = "[b]Acme[/b]"
        connection.execute(
            "INSERT INTO organization (id, name, slug) OVERRIDING SYSTEM VALUE VALUES (%s, %s, 'acme')", [org_id, name]
        )
    assert f"entry 3 of {name}." in _testkase(database, *words)[1]
    assert "nothing was done again" in _testkase(database, *words)[1]
    code, said = _testkase(database, "grant", org_id, "99", "--id", "ticket-1")
    assert (code, "Use a new id" in said) == (1, True)
    said = _testkase(database, "balance", org_id)[1]
    assert "312.50 available" in said
    assert re.search(r"used since \d{4}-\d\d-01;", said), "as the organization is billed"
    assert "Last day" in said
    assert "2099-12-31" in said, "the last day that was named, not the one on which UTC is through with it"
    assert re.search(r"allowance .* \d{4}-\d\d-(28|29|30|31) ", said), "as pages and letters name it: not the day after"


def test_a_replica_is_told_from_the_primary_and_nothing_is_done(database: TestDatabase) -> None:
    org_id = str(_organization(database))
    replica = replace(database, app_url=make_conninfo(database.app_url, options="-c default_transaction_read_only=on"))
    code, said = _testkase(replica, "grant", org_id, "5", "--id", "ticket-1")
    assert (code, said) == (
        1, "testkase: The database only reads, as a replica does: name the primary. Nothing was done.\n"
    )  # fmt: skip


def test_a_database_that_goes_away_meanwhile_is_told_in_one_sentence(database: TestDatabase) -> None:
    context = MagicMock()
    context.find_root.return_value.obj = Installation(lambda: database.app_url, lambda _: None, lambda: None)
    conflict = "canceling statement due to conflict with recovery\nDETAIL: …"
    with pytest.raises(Unavailable, match=r"broke off: canceling statement .* with the same id"), connected(context):
        raise psycopg.errors.SerializationFailure(conflict)


def test_a_correction_is_on_record_and_the_books_verify(database: TestDatabase) -> None:
    org_id = str(_organization(database))
    words = ("adjust", org_id, "100", "--take", "--id", "ticket-2", "--reason", "promised by mistake")
    assert "200.00 available" in _testkase(database, *words)[1]
    assert "nothing was done again" in _testkase(database, *words)[1]
    code, said = _testkase(database, "adjust", org_id, "1", "--id", "ticket-3", "--reason", "  ")
    assert (code, "says why" in said) == (1, True), "spaces are no reason"
    assert _testkase(database, "adjust", org_id, "1", "--id", "ticket-3", "--reason", "x")[1].startswith(
        "1 credit added"
    )
    assert "200.00 available" in _testkase(database, "adjust", org_id, "1", "--take", "--id", "t", "--reason", "x")[1]
    code, said = _testkase(database, "verify")
    assert (code, said.strip()) == (0, "1 organization verified, 0 deviations.")


def test_an_organization_that_is_not_there_is_not_said_to_verify(database: TestDatabase) -> None:
    org_id = _organization(database)
    assert _testkase(database, "verify", "--organization", str(org_id))[0] == 0
    code, said = _testkase(database, "verify", "--organization", str(org_id + 1))
    assert (code, "no credit account" in said, "verified" in said) == (1, True, False)


@pytest.mark.requirement("P10")
def test_a_debt_is_shown_and_forgiven_once(database: TestDatabase) -> None:
    org_id, writer = _organization(database), SyncDatabase(database.app_url)
    for command in (
        Grant(org_id=org_id, grant_id="pack", amount=10 * MICRO),
        hold(org_id, "call", 310),
        settle(org_id, "call", 310),
        Reverse(org_id=org_id, reversal_id="refund", grant_id="pack", clawed=10 * MICRO),
    ):
        writer.run(execute_one(command))
    writer.close()
    assert "10.00 owed" in _testkase(database, "balance", str(org_id))[1]
    words = ("write-off", str(org_id), "--id", "ticket-3", "--reason", "a courtesy")
    assert "forgiven: 0.00 available" in _testkase(database, *words)[1]
    assert "nothing was done again" in _testkase(database, *words)[1]
    assert "owed" not in _testkase(database, "balance", str(org_id))[1]
    with psycopg.connect(database.owner_url) as superuser:
        rows = superuser.execute("SELECT action, details FROM activity").fetchall()
    assert rows == [("credits.written_off", {"credits": "10.00", "reason": "a courtesy"})]


def test_verify_names_what_deviates_and_fails(database: TestDatabase) -> None:
    org_id = _organization(database)
    with psycopg.connect(database.owner_url) as superuser:
        superuser.execute("UPDATE ledger.account SET available = available + 1")
    code, said = _testkase(database, "verify", "--organization", str(org_id))
    assert code == 1
    assert "I2 does not hold" in said


def test_without_an_installation_the_operator_is_told_what_to_do(tmp_path: Path) -> None:
    environ = {key: value for key, value in os.environ.items() if key != "TESTKASE_APP_DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "testkase", "verify"],
        env={**environ, "TESTKASE_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "make run" in done.stderr


def test_what_operators_do_is_in_the_activity_history_once_and_verify_watches_over_it(database: TestDatabase) -> None:
    org_id = _organization(database)
    words = ("adjust", str(org_id), "100", "--take", "--id", "ticket-2", "--reason", "promised by mistake")
    for _ in range(2):
        _testkase(database, *words)
    with psycopg.connect(database.owner_url) as superuser:
        rows = superuser.execute("SELECT action, actor_name, details FROM activity").fetchall()
        assert rows == [("credits.adjusted", "Operator", {"credits": "−100.00", "reason": "promised by mistake"})]
        superuser.execute('UPDATE activity SET details = details || \'{"credits": "-1.00"}\'')
    code, said = _testkase(database, "verify")
    assert (code, "activity 1: I12 does not hold" in said) == (1, True)


def test_a_database_that_lets_nobody_in_is_told_from_one_that_is_not_there(
    database: TestDatabase, tmp_path: Path
) -> None:
    wrong = replace(database, app_url=make_conninfo(database.app_url, password="wrong"))
    code, said = _testkase(wrong, "verify")
    assert (code, "The database does not let anybody in: password authentication failed" in said) == (1, True), said
    away = replace(database, app_url="postgresql://testkase_app:x@127.0.0.1:1/testkase")
    code, said = _testkase(away, "verify")
    assert (code, "does not answer: " in said, "Connection refused" in said) == (1, True, True), said
    assert "make run" not in said, "it is no database of ours"
    stopped = replace(database, app_url=make_conninfo("dbname=testkase user=testkase_app", host=str(tmp_path)))
    code, said = _testkase(stopped, "verify")
    assert (code, "The database does not answer. Is the product running?" in said) == (1, True), said
