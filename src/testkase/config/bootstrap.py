"""From an empty PostgreSQL to one the application can be started on."""

import psycopg
from psycopg import sql

from testkase.config.databases import check_address, with_database, with_login
from testkase.config.failures import CannotStart
from testkase.config.roles import APP, make_missing_roles, make_roles
from testkase.config.upgrading.session import check_session, check_writes

OLDEST_SERVER = 150_000


_RIGHTS = """
    SELECT current_user, current_database(),
           has_database_privilege(current_database(), 'CREATE')
               AND coalesce(has_schema_privilege(to_regnamespace('public'), 'CREATE'), false),
           (SELECT relowner::regrole::text FROM pg_class
            WHERE relnamespace = to_regnamespace('public') AND relname = 'django_migrations'
              AND NOT pg_has_role(relowner, 'USAGE'))
"""


def check_server(url: str, *, variable: str = "DATABASE_URL") -> None:
    """Raises CannotStart, without repeating the password, when the address leads nowhere or to too old a server."""
    check_address(url, variable)
    try:
        with psycopg.connect(url, connect_timeout=10) as connection:
            version = connection.info.server_version
    except (psycopg.Error, OSError, UnicodeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise CannotStart(f"{variable} does not lead to a database: {reason}") from error
    if version < OLDEST_SERVER:
        raise CannotStart(f"{variable} leads to PostgreSQL {version // 10_000}; version 15 or newer is needed.")


def check_owner(owner_url: str) -> None:
    """Raises CannotStart when the user of DATABASE_URL can neither make tables there nor change those that are there:
    whoever was granted a database by its superuser has it, but does not own it. Or when sessions are not as needed."""
    with psycopg.connect(owner_url, connect_timeout=10) as connection:
        row = connection.execute(_RIGHTS).fetchone()
        assert row is not None
        user, database, may_make, other = row
        if other is not None:
            raise CannotStart(
                f"The tables of {database} belong to {other}: name that user in DATABASE_URL, not {user}."
            )
        if not may_make:
            raise CannotStart(
                f"The user of DATABASE_URL may not make tables in {database}: make it the owner,"
                f' ALTER DATABASE "{database}" OWNER TO "{user}".'
            )
        check_session(connection)
        check_writes(connection)


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
    mine = with_login(owner_url, user=APP, password=app_password)
    _refuse_to_shut_out(owner_url, mine)
    make_roles(owner_url, app_password)
    return mine


def _refuse_to_shut_out(owner_url: str, app_url: str) -> None:
    """A role is the whole server's: its new password would shut out another installation there, or another machine of
    this one, and not at once but with each connection that it makes anew."""
    with psycopg.connect(owner_url, connect_timeout=10) as connection:
        others = connection.execute("SELECT FROM pg_stat_activity WHERE usename = %s", [APP]).fetchone()
    if others is None:
        return
    try:
        psycopg.connect(app_url, connect_timeout=10).close()
    except psycopg.OperationalError as error:
        if "password" not in str(error):  # it may be full, or on its way down
            return
        raise CannotStart(
            f"Somebody works on this server as {APP}, with another password than the one kept here: another"
            " installation, or another machine of this one. Name one login for all in TESTKASE_APP_DATABASE_URL, or"
            " stop the others first."
        ) from error
