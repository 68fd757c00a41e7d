"""The database's roles: the application's, which owns nothing, and the ledger's, which nobody can sign in as."""

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from testkase.config.databases import check_address
from testkase.config.failures import CannotStart

APP = "testkase_app"
LEDGER = "testkase_ledger"

_LIMITED = "ALTER ROLE {} SET idle_in_transaction_session_timeout = '5min'"
"""Whoever stops in the middle of a transaction must not keep what it has locked: the number of the next receipt is
everybody's."""


def make_roles(owner_url: str, app_password: str | None) -> None:
    """Make or mend both roles, as the database's owner. Without a password the application role is left as it is.

    Attributes are stated in full each time, so that a role somebody widened is narrowed again.
    """
    try:
        with psycopg.connect(owner_url, autocommit=True) as connection:
            _make(connection, LEDGER, "NOLOGIN", None)
            if app_password is not None:
                _make(connection, APP, "LOGIN", app_password)
                connection.execute(sql.SQL(_LIMITED).format(sql.Identifier(APP)))
            connection.execute(
                sql.SQL("GRANT {} TO CURRENT_USER WITH INHERIT TRUE, SET TRUE").format(sql.Identifier(LEDGER))
                if connection.info.server_version >= 160_000
                else sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(LEDGER))
            )
    except psycopg.errors.InsufficientPrivilege as error:
        raise CannotStart(
            f"The user of DATABASE_URL may not make the roles {APP} and {LEDGER}: give it CREATEROLE, "
            "or make them yourself and set TESTKASE_APP_DATABASE_URL."
        ) from error


def make_missing_roles(owner_url: str, app_url: str) -> None:
    """For an operator who names the application's login: roles that are not there are made, the application's with the
    password of its URL; those that are there are theirs."""
    check_address(app_url, "TESTKASE_APP_DATABASE_URL")
    with psycopg.connect(owner_url) as connection:
        rows = connection.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [[APP, LEDGER]]).fetchall()
    login = conninfo_to_dict(app_url)
    ours = login.get("user") == APP and (APP,) not in rows
    if ours or (LEDGER,) not in rows:
        make_roles(owner_url, str(login.get("password") or "") if ours else None)


def _make(connection: psycopg.Connection[object], name: str, login: str, password: str | None) -> None:
    """CREATE or ALTER, by what is there. SUPERUSER and the like may be named only by a superuser."""
    superuser = connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
    there = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [name]).fetchone() is not None
    options: list[sql.Composable] = [sql.SQL(login)]
    if superuser == (True,):
        options.append(sql.SQL("NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS"))
    if password is not None:
        options.append(sql.SQL("PASSWORD {}").format(sql.Literal(password)))
    verb = sql.SQL("ALTER ROLE {} " if there else "CREATE ROLE {} ").format(sql.Identifier(name))
    connection.execute(verb + sql.SQL(" ").join(options))
