"""Whether the schema of a database is the one this code was written for. What runs on another one is not started."""

from collections.abc import Iterable, Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

import django
import psycopg
from django.apps import apps
from django.db.migrations.loader import MigrationLoader

from testkase.config.failures import CannotStart

_APPLIED = "SELECT app, name FROM public.django_migrations"

Migrations = set[tuple[str, str]]
"""App and name."""


def check_schema(connection: psycopg.Connection[Any]) -> None:
    """Raises CannotStart where the database is older or newer than this code."""
    applied = applied_migrations(connection)
    refuse_newer(applied)
    if missing := known_migrations() - applied:
        raise CannotStart(
            f"The database is older than this version of TestKase ({len(missing)} migrations are missing, such as"
            f" {_name(missing)}): run `testkase migrate` first, after a backup."
        )


def refuse_newer(applied: Migrations) -> None:
    """Raises CannotStart where some of these are not known to this code."""
    if newer := unknown(applied):
        raise CannotStart(
            f"The database was migrated by a newer version of TestKase ({_name(newer)}): start that version,"
            " or restore a backup made before."
        )


def applied_migrations(connection: psycopg.Connection[Any]) -> Migrations:
    """What has been run on this database; empty where nothing ever was."""
    try:
        with connection.transaction():
            return {(app, name) for app, name in connection.execute(_APPLIED).fetchall()}
    except psycopg.errors.UndefinedTable:
        return set()


def known_migrations() -> Migrations:
    """What this code brings, by the names of its files: each process asks when it starts, and needs none of them."""
    django.setup()
    return {(config.label, name) for config in apps.get_app_configs() for name in _files(config.label)}


def _files(label: str) -> Iterator[str]:
    """The migrations of an app, as Django finds them."""
    package, _ = MigrationLoader.migrations_module(label)
    if package is None:
        return
    try:
        folders = import_module(package).__path__
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        return
    yield from (module.name for module in iter_modules(folders) if module.name[0] not in "_~" and not module.ispkg)


def unknown(applied: Iterable[tuple[str, str]]) -> Migrations:
    """Migrations of our apps that this code does not bring. An app that was left out again does not count."""
    known = known_migrations()
    labels = {config.label for config in apps.get_app_configs()}
    return {migration for migration in applied if migration not in known and migration[0] in labels}


def _name(migrations: Migrations) -> str:
    """The last of them, our own schema's before all others."""
    app, name = max(migrations, key=lambda each: (each[0] == "testkase_schema", each))
    return f"{app} {name}"
