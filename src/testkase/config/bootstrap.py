"""From an empty PostgreSQL to one the application can be started on."""

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from testkase.config.databases import with_database, with_login
from testkase.config.failures import CannotStart
from testkase.config.roles import APP, make_missing_roles, make_roles

OLDEST_SERVER = 150_000


def check_server(owner_url: str) -> None:
    """Raises CannotStart, without repeating the password, when DATABASE_URL leads nowhere or to too old a server."""
    try:
        conninfo_to_dict(owner_url)
    except psycopg.ProgrammingError as error:
        raise CannotStart(
            "DATABASE_URL is not a PostgreSQL address: write postgresql://user:password@host:5432/database."
        ) from error
    try:
        with psycopg.connect(owner_url, connect_timeout=10) as connection:
            version = connection.info.server_version
    except (psycopg.Error, OSError, UnicodeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CannotStart(f"DATABASE_URL does not lead to a database: {reason}") from error
    if version < OLDEST_SERVER:
        raise CannotStart(f"DATABASE_URL leads to PostgreSQL {version // 10_000}; version 15 or newer is needed.")


def make_database(server_url: str, name: str) -> str:
    """Make a database on our own server unless it is there; the URL of it."""
    with psycopg.connect(server_url, autocommit=True) as connection:
        if connection.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return with_database(server_url, name)


def prepare_roles(owner_url: str, *, app_password: str, app_url: str | None = None) -> str:
    """Make the roles and answer the URL the application connects with. An `app_url` the operator gave is left alone,
    and so is a role that is there."""
    if app_url:
        make_missing_roles(owner_url, app_url)
        return app_url
    make_roles(owner_url, app_password)
    return with_login(owner_url, user=APP, password=app_password)
