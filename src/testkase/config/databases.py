"""Database URLs: whether they are any, as Django wants them, and as the bootstrap makes them."""

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from testkase.config.failures import CannotStart
from testkase.foundation.database import POOL_SECONDS, with_patience

_POOL = {"min_size": 1, "max_size": 8, "timeout": POOL_SECONDS, "reconnect_timeout": POOL_SECONDS}
_DJANGO_NAMES = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def check_address(url: str, variable: str) -> None:
    """Raises CannotStart, without repeating what may hold a password, where that is no address of a PostgreSQL."""
    try:
        conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise CannotStart(
            f"{variable} is not a PostgreSQL address: write postgresql://user:password@host:5432/database."
        ) from error


def django_database(url: str | None, *, pool: bool) -> dict[str, Any]:
    """One entry of DATABASES. Without a URL it can be imported but not connected (type checking, `--help`)."""
    parts = conninfo_to_dict(url or "")
    database: dict[str, Any] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "",
        "CONN_HEALTH_CHECKS": True,  # after a restart of the database the first page does not pay for a dead connection
        "OPTIONS": {**({"pool": _POOL} if pool else {}), **with_patience(url or "")},
    }
    for name, value in parts.items():
        if name in _DJANGO_NAMES:
            database[_DJANGO_NAMES[name]] = str(value)
        else:
            database["OPTIONS"][name] = value
    return database


def with_login(url: str, *, user: str, password: str) -> str:
    """The same server and database under another login."""
    return make_conninfo(url, user=user, password=password)


def with_database(url: str, name: str) -> str:
    """The same server and login, another database."""
    return make_conninfo(url, dbname=name)
