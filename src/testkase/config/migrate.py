"""Brings a database up to date: Django's migrations as the owner, then the application role's privileges, then the
proof that organizations are kept apart. Runs in a process of its own, so that the supervisor stays small."""

from collections.abc import Iterator
from contextlib import contextmanager

import django
import psycopg
from django.apps import apps
from psycopg import sql

from testkase.config.bootstrap import check_owner, check_server
from testkase.config.failures import CannotStart
from testkase.config.roles import APP, make_missing_roles
from testkase.config.upgrading.runner import UNHURRIED, run_migrations
from testkase.config.upgrading.schema_state import applied_migrations, refuse_newer
from testkase.config.upgrading.session import check_session
from testkase.core.ledger.months import prepare_months
from testkase.foundation.database import run
from testkase.foundation.settings import Settings
from testkase.schema.isolation import check_isolation

_LOCK = 7_303_014_821_907
"""Advisory lock under which one process at a time migrates a database; any number that nobody else uses."""
_HISTORY = "django_migrations"


def migrate_from_environment(settings: Settings) -> None:
    """Raises CannotStart or IsolationInert, each in one sentence."""
    if not settings.owner_database_url:
        raise CannotStart("Set DATABASE_URL to the database to migrate, as its owner.")
    check_server(settings.owner_database_url)
    if not settings.app_database_url:
        raise CannotStart("Set TESTKASE_APP_DATABASE_URL to the same database as the application's role.")
    check_owner(settings.owner_database_url)
    make_missing_roles(settings.owner_database_url, settings.app_database_url)
    check_server(settings.app_database_url, variable="TESTKASE_APP_DATABASE_URL")
    migrate(settings.owner_database_url, settings.app_database_url)


def migrate(owner_url: str, app_url: str) -> None:
    """The two URLs must also be in the environment, where Django's settings read them."""
    django.setup()
    with _alone(owner_url) as connection:
        refuse_newer(applied_migrations(connection))
        run_migrations("owner")
        with connection.transaction():
            _grant(connection)
    with psycopg.connect(app_url) as connection:
        check_session(connection)
        run(connection, check_isolation())
        run(connection, prepare_months())


@contextmanager
def _alone(owner_url: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute(UNHURRIED)
        connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        yield connection


def _grant(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """What Django, allauth and procrastinate manage the application may change; DDL files grant for their own tables.

    The application reads the history of migrations but cannot rewrite it.
    """
    models = apps.get_models(include_auto_created=True)
    tables = {model._meta.db_table for model in models if model._meta.managed}  # noqa: SLF001 - Django's public name
    rows = connection.execute(
        "SELECT relname, relkind = 'S' FROM pg_class WHERE relnamespace = 'public'::regnamespace "
        "AND (relkind IN ('r', 'p') AND (relname = ANY(%s) OR relname LIKE 'procrastinate\\_%%') OR relkind = 'S')",
        [sorted(tables - {_HISTORY})],
    ).fetchall()
    for name, is_sequence in rows:
        privileges = sql.SQL("USAGE ON SEQUENCE" if is_sequence else "SELECT, INSERT, UPDATE, DELETE ON TABLE")
        connection.execute(sql.SQL("GRANT {} {} TO {}").format(privileges, _public(name), sql.Identifier(APP)))
    connection.execute(sql.SQL("GRANT SELECT ON {} TO {}").format(_public(_HISTORY), sql.Identifier(APP)))


def _public(name: object) -> sql.Identifier:
    return sql.Identifier("public", str(name))
