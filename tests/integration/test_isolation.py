"""Organizations are kept apart by the database itself, and the server does not start where they are not."""

import psycopg
import pytest

from testkase.foundation.database import run
from testkase.schema.isolation import IsolationInert, check_isolation
from tests.support.cluster import TestDatabase


def check(url: str) -> None:
    with psycopg.connect(url) as connection:
        run(connection, check_isolation())


def test_a_migrated_database_keeps_organizations_apart(app_url: str) -> None:
    check(app_url)


def test_the_owner_is_refused_as_the_application(owner_url: str) -> None:
    with pytest.raises(IsolationInert, match="superuser"):
        check(owner_url)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("ALTER TABLE ledger.account NO FORCE ROW LEVEL SECURITY", "ledger.account is not under forced"),
        ("ALTER TABLE project DISABLE ROW LEVEL SECURITY", "public.project is not under forced"),
        ("CREATE TABLE extra (org_id bigint)", "public.extra is not under forced"),
        ("ALTER TABLE ledger.lot OWNER TO testkase_app", "owns tables"),
        ("CREATE POLICY oops ON test_case USING (true)", "A policy of table public.test_case"),
        (
            "CREATE POLICY oops ON ledger.usage FOR SELECT TO testkase_app USING (cost >= 0)",
            "policy of table ledger.usage",
        ),
        ("GRANT UPDATE ON ledger.entry TO testkase_app", "may write ledger.entry"),
        ("GRANT DELETE ON ledger.usage TO PUBLIC", "may write ledger.usage"),
        ("ALTER TABLE ledger.usage_rest NO FORCE ROW LEVEL SECURITY", "ledger.usage_rest is not under forced"),
        ("GRANT SELECT ON ledger.usage_rest TO testkase_app", "ledger.usage_rest is not under forced"),
        ("GRANT DELETE ON ledger.usage_rest TO testkase_app", "may write ledger.usage_rest"),
        ("GRANT UPDATE ON activity TO testkase_app", "may change or remove rows of public.activity"),
        ("ALTER FUNCTION ledger.append OWNER TO CURRENT_USER", "ledger.append does not run as testkase_ledger"),
        ("ALTER FUNCTION ledger.append_many SECURITY INVOKER", "append_many does not run as testkase_ledger"),
        ("ALTER FUNCTION ledger.append_one SECURITY INVOKER", "append_one does not run as testkase_ledger"),
        ("ALTER POLICY writer ON ledger.entry WITH CHECK (true)", "rows of ledger.entry have no rules"),
        ("CREATE POLICY oops ON ledger.lot TO testkase_ledger USING (true)", "rows of ledger.lot have no rules"),
    ],
)
def test_each_way_of_being_inert_is_found(database: TestDatabase, fault: str, words: str) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute(fault)
    with pytest.raises(IsolationInert, match=words):
        check(database.app_url)


def test_a_database_without_tables_is_refused(database: TestDatabase) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public, ledger CASCADE")
    with pytest.raises(IsolationInert, match="run the migrations"):
        check(database.app_url)


def test_the_ledgers_writer_is_refused_as_the_application(database: TestDatabase) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute("GRANT testkase_ledger TO testkase_app")  # roles belong to the whole server: taken back
        try:
            with pytest.raises(IsolationInert, match="member of testkase_ledger"):
                check(database.app_url)
        finally:
            connection.execute("REVOKE testkase_ledger FROM testkase_app")


def test_a_writer_of_the_ledger_whom_no_rule_binds_is_refused(database: TestDatabase) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute("ALTER ROLE testkase_ledger BYPASSRLS")
        try:
            with pytest.raises(IsolationInert, match="rules of the ledger's rows"):
                check(database.app_url)
        finally:
            connection.execute("ALTER ROLE testkase_ledger NOBYPASSRLS")


def test_whoever_stops_in_the_middle_of_a_transaction_loses_what_it_has_locked(app_url: str) -> None:
    """The number of the next receipt is every organization's: nobody may keep it for ever."""
    with psycopg.connect(app_url) as connection:
        assert connection.execute("SHOW idle_in_transaction_session_timeout").fetchone() == ("5min",)
