"""What a session must be like for this code: a server, a database, a role, an address or the environment may each have
made it otherwise, and then books are written wrongly, or right ones are read as wrong."""

from typing import Any

import psycopg
from psycopg import sql

from testkase.config.failures import CannotStart

_NEEDED = (
    ("DateStyle", "ISO", "current_setting('DateStyle') LIKE 'ISO%'"),
    ("standard_conforming_strings", "on", "current_setting('standard_conforming_strings') = 'on'"),
    ("default_transaction_isolation", "read committed",
     "current_setting('default_transaction_isolation') = 'read committed'"),
    ("row_security", "on", "current_setting('row_security') = 'on'"),
    ("search_path", "public", "coalesce(current_schema() = 'public', false)"),
)  # fmt: skip
_AS_IT_IS = f"SELECT {', '.join(f'current_setting({name!r}), {holds}' for name, _, holds in _NEEDED)}"


def check_session(connection: psycopg.Connection[Any]) -> None:
    """Raises CannotStart naming the first setting that is otherwise, and how to set it."""
    info = connection.info
    if (encoding := info.parameter_status("server_encoding")) != "UTF8":
        raise CannotStart(
            f"The database {info.dbname} keeps text as {encoding}, which cannot hold what people write: make one with"
            " ENCODING 'UTF8' TEMPLATE template0."
        )
    if (encoding := info.parameter_status("client_encoding")) != "UTF8":
        raise _otherwise(connection, "client_encoding", str(encoding), "UTF8")
    row = connection.execute(_AS_IT_IS).fetchone()
    assert row is not None
    for (name, needed, _), value, holds in zip(_NEEDED, row[::2], row[1::2], strict=True):
        if not holds:
            raise _otherwise(connection, name, value, needed)


def check_writes(connection: psycopg.Connection[Any]) -> None:
    """Raises CannotStart where nothing could be written: a replica, or a role or database that only reads."""
    row = connection.execute("SELECT pg_is_in_recovery(), current_setting('default_transaction_read_only')").fetchone()
    assert row is not None
    replica, only_reads = row
    if replica:
        raise CannotStart("The database is a replica, which only reads: name the primary, or promote it first.")
    if only_reads != "off":
        raise _otherwise(connection, "default_transaction_read_only", only_reads, "off")


def _otherwise(connection: psycopg.Connection[Any], name: str, value: str, needed: str) -> CannotStart:
    mend = sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}").format(
        sql.Identifier(connection.info.user), sql.Identifier(connection.info.dbname), sql.Identifier(name), needed
    )
    return CannotStart(
        f"{name} is {value} for {connection.info.user}, and has to be {needed}: {mend.as_string()};"
        " where that changes nothing, it comes with the database's address or a variable of PostgreSQL's."
    )
