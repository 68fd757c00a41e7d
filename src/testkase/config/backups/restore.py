"""`testkase restore FOLDER`: an installation from a backup, in an empty data folder, verified before anybody uses it.

It can be killed and repeated: until it is done a file in the data folder says so, and nothing starts there.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from testkase.config.backups.manifest import DUMP, FILES, Manifest, digest, read
from testkase.config.backups.manifest import FILE_NAME as MANIFEST
from testkase.config.backups.owner import embedded, started
from testkase.config.backups.programs import load_dump
from testkase.config.bootstrap import check_server, make_database, prepare_roles
from testkase.config.data_folder import RESTORING, DataFolder
from testkase.config.failures import CannotStart
from testkase.config.postgres.cluster import OWNER
from testkase.config.private_file import write_private
from testkase.config.roles import LEDGER
from testkase.config.secrets_file import Secrets, load_or_make
from testkase.config.supervising.supervisor import DATABASE
from testkase.config.upgrading.schema_state import refuse_newer
from testkase.foundation.settings import Settings

_TABLES = """
    SELECT count(*) FROM pg_class AS relation JOIN pg_namespace AS space ON space.oid = relation.relnamespace
    WHERE relation.relkind IN ('r', 'p') AND space.nspname NOT IN ('pg_catalog', 'information_schema')
"""
_STEP = 1_000_000
# Whoever signed out, or was locked out, after the backup would be signed in again.
_END_SESSIONS = "DELETE FROM public.django_session"
# Numbers that were given out after the backup, of organizations for one, must never come to name something else.
_SKIP_NUMBERS = """
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, least(last_value + {}, max_value))
    FROM pg_sequences WHERE last_value IS NOT NULL AND increment_by > 0
      AND schemaname NOT IN ('pg_catalog', 'information_schema')
"""
_REMEMBER = "INSERT INTO public.restoration (backup_begun_at) VALUES ({})"
_LEND = "ALTER DEFAULT PRIVILEGES GRANT CREATE ON SCHEMAS TO {}"
_TAKE_BACK = "ALTER DEFAULT PRIVILEGES REVOKE CREATE ON SCHEMAS FROM {}"
_TAKE_BACK_LENT = "REVOKE CREATE ON SCHEMA ledger FROM {}"


def restore(settings: Settings, backup: Path) -> int:
    """Restore, migrate to this code's schema, verify; answers the exit code of `testkase verify`.

    Raises InvalidInput where that is no backup, CannotStart where it cannot be restored here.
    """
    manifest, mark = read(backup), f"{digest(backup / MANIFEST)} into {_target(settings)}"
    refuse_newer({(app, name) for app, name in manifest.migrations})
    _check_secret_key(manifest)
    with DataFolder(settings.data) as data:
        data.wait_for_earlier_children()
        again = _was_begun(data.path, mark)
        if not again:
            _refuse_target(settings, manifest)
            write_private(data.path / RESTORING, mark.encode())
        shutil.copytree(backup / FILES, data.path, dirs_exist_ok=True)
        secrets = load_or_make(data.path)
        with _server(settings, data.path, secrets, again=again) as owner_url:
            app_url = prepare_roles(owner_url, app_password=secrets.app_password, app_url=settings.app_database_url)
            _load(owner_url, backup, manifest)
            environ = {
                **os.environ, "TESTKASE_DATA": str(data.path), "DATABASE_URL": owner_url,
                "TESTKASE_APP_DATABASE_URL": app_url,
            }  # fmt: skip
            _testkase(environ, "migrate", check=True)
            _begin_anew(owner_url, manifest)
            code = _testkase(environ, "verify", *_heads(data.path))
        (data.path / RESTORING).unlink()
    return code


def _target(settings: Settings) -> str:
    """The database, without its password: whoever repeats a killed restore must mean the same one."""
    if not settings.owner_database_url:
        return "the data folder"
    check_server(settings.owner_database_url)
    parts = conninfo_to_dict(settings.owner_database_url)
    return f"{parts.get('host', '')}:{parts.get('port', '')}/{parts.get('dbname', '')}"


def _check_secret_key(manifest: Manifest) -> None:
    if not manifest.own_secret_key and not os.environ.get("TESTKASE_SECRET_KEY"):
        raise CannotStart(
            "The secret key is not in this backup: set TESTKASE_SECRET_KEY to the one it was made with. Where that is"
            " lost, set a new one, take two-step sign-in away by `testkase end-two-step`, and have it set up again."
        )


def _was_begun(data: Path, mark: str) -> bool:
    """Whether the same backup was begun here before. Raises CannotStart where something else is."""
    marker = data / RESTORING
    if marker.exists():
        if marker.read_text() != mark:
            raise CannotStart(
                f"Another backup was begun to be restored in {data}, or this one into another database: finish that,"
                " or use an empty folder and an empty database."
            )
        return True
    if (data / "postgres").exists() or (data / "secrets.json").exists():
        raise CannotStart(f"{data} has an installation already: restore into an empty folder (TESTKASE_DATA=…).")
    return False


def _refuse_target(settings: Settings, manifest: Manifest) -> None:
    """Before the folder is marked and any role is made: a restore that is repeated takes the tables it finds for those
    it had loaded before it was killed, and those of somebody else's database would be taken for restored."""
    if not settings.owner_database_url:
        _check_owner(OWNER, manifest)
        return
    with psycopg.connect(settings.owner_database_url) as connection:
        _check_server(connection, manifest)
        if connection.execute(_TABLES).fetchone() != (0,):
            raise CannotStart("The database of DATABASE_URL has tables already: restore into an empty one.")


@contextmanager
def _server(settings: Settings, data: Path, secrets: Secrets, *, again: bool) -> Iterator[str]:
    """An empty database as its owner; on a server of one's own it may hold what was restored before a kill."""
    if settings.owner_database_url:
        check_server(settings.owner_database_url)
        yield settings.owner_database_url
        return
    postgres = embedded(data, secrets)
    if again:
        shutil.rmtree(data / "postgres", ignore_errors=True)
    with started(postgres):
        yield make_database(postgres.url(), DATABASE)


def _load(owner_url: str, backup: Path, manifest: Manifest) -> None:
    """The dump, in one transaction: all of it or nothing. Tables that are there were loaded before a kill."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        _check_server(connection, manifest)
        if connection.execute(_TABLES).fetchone() == (0,):
            # An owner who is not a superuser can give functions to the ledger's role only where that may make some.
            connection.execute(sql.SQL(_LEND).format(sql.Identifier(LEDGER)))
            try:
                load_dump(owner_url, backup / DUMP, server_version=connection.info.server_version)
            finally:
                connection.execute(sql.SQL(_TAKE_BACK).format(sql.Identifier(LEDGER)))
        for statement in (_TAKE_BACK, _TAKE_BACK_LENT):  # also of a restore that was killed in between
            connection.execute(sql.SQL(statement).format(sql.Identifier(LEDGER)))


def _begin_anew(owner_url: str, manifest: Manifest) -> None:
    """What must not go on as if nothing had happened between the backup and now. Repeating it does no harm."""
    with psycopg.connect(owner_url) as connection:
        connection.execute(_END_SESSIONS)
        connection.execute(sql.SQL(_SKIP_NUMBERS).format(sql.Literal(_STEP)))
        connection.execute(sql.SQL(_REMEMBER).format(sql.Literal(manifest.begun_at)))


def _check_server(connection: psycopg.Connection[Any], manifest: Manifest) -> None:
    _check_owner(connection.info.user, manifest)
    ours, theirs = connection.info.server_version // 10_000, manifest.server_version // 10_000
    if ours < theirs:
        raise CannotStart(f"The backup is of PostgreSQL {theirs}, this is PostgreSQL {ours}: use {theirs} or newer.")


def _check_owner(user: str, manifest: Manifest) -> None:
    if user != manifest.owner:
        raise CannotStart(
            f"What is in the backup belongs to the database user {manifest.owner}, not to {user}: restore as a user of"
            f" that name, with DATABASE_URL=postgresql://{manifest.owner}:…"
        )


def _heads(data: Path) -> tuple[str, ...]:
    return ("--heads", str(data / "heads")) if any((data / "heads").glob("*.jsonl")) else ()


def _testkase(environ: dict[str, str], *words: str, check: bool = False) -> int:
    code = subprocess.run([sys.executable, "-m", "testkase", *words], env=environ, check=False).returncode
    if check and code != 0:
        raise CannotStart(f"`testkase {words[0]}` failed; what it said is above.")
    return code
