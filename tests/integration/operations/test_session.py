"""Sessions that a server, a database or a role makes otherwise than the product needs: nothing starts in them."""

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from testkase.config.bootstrap import check_owner
from testkase.config.databases import with_database
from testkase.config.failures import CannotStart
from testkase.config.upgrading.check_database import check_database
from testkase.config.upgrading.session import check_session, check_writes
from tests.support.cluster import Cluster, TestDatabase

OTHERWISE = {
    "client_encoding": "LATIN1",
    "DateStyle": "German",
    "standard_conforming_strings": "off",
    "default_transaction_isolation": "serializable",
    "row_security": "off",
    "search_path": "ledger",
}


@pytest.mark.parametrize("name", OTHERWISE)
def test_a_session_that_would_read_or_write_books_wrongly_is_refused(database: TestDatabase, name: str) -> None:
    otherwise = f"-c {name}={OTHERWISE[name]}"
    with pytest.raises(CannotStart, match=f"{name} is .* for testkase_app, .*: ALTER ROLE .testkase_app. IN DATABASE"):
        check_database(make_conninfo(database.app_url, options=otherwise))
    with pytest.raises(CannotStart, match=f"{name} is .* for testkase_owner"):
        check_owner(make_conninfo(database.owner_url, options=otherwise))


def test_a_role_is_given_its_session_by_the_statement_that_is_named(database: TestDatabase) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute(f"ALTER DATABASE {database.name} SET default_transaction_isolation = 'repeatable read'")
        with psycopg.connect(database.app_url) as connection, pytest.raises(CannotStart) as refused:
            check_session(connection)
        statement = refused.value.detail.partition(": ")[2].partition(";")[0]
        owner.execute(statement.encode())
    with psycopg.connect(database.app_url) as connection:
        check_session(connection)


def test_what_only_reads_serves_nobody_and_can_be_verified(database: TestDatabase) -> None:
    only_reads = make_conninfo(database.app_url, options="-c default_transaction_read_only=on")
    with pytest.raises(CannotStart, match="default_transaction_read_only is on for testkase_app, and has to be off"):
        check_database(only_reads)
    with psycopg.connect(only_reads) as connection:
        check_session(connection)
        connection.execute("SET default_transaction_read_only = off")
        check_writes(connection)


def test_a_database_that_cannot_hold_every_letter_is_refused(cluster: Cluster) -> None:
    with psycopg.connect(cluster.server.url(), autocommit=True) as owner:
        owner.execute("CREATE DATABASE in_latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(CannotStart, match=r"in_latin keeps text as LATIN1, .* ENCODING 'UTF8' TEMPLATE template0"):
        check_owner(with_database(cluster.server.url(), "in_latin"))
