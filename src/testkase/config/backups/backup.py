"""`testkase backup FOLDER`: one consistent state of the database, and the files without which it is of no use.

The database is dumped in one snapshot while the product works. Files are copied in an order that cannot contradict it:
published heads before (none is newer than the dump), the payment simulator's books behind (they know every order in
it), as a real provider's would be. The folder gets its name when all of it is on the disk.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from testkase.config.backups.last import remember_backup
from testkase.config.backups.manifest import DUMP, FILES, Manifest, describe, keep_safe, write
from testkase.config.backups.owner import check_sees_everything, owned_database
from testkase.config.backups.programs import run_program
from testkase.config.failures import CannotStart
from testkase.config.upgrading.schema_state import applied_migrations
from testkase.foundation.clock import utc_now
from testkase.foundation.problems import InvalidInput
from testkase.foundation.settings import Settings

_SECRETS = ("secrets.json", "demo.json", "simulator.json")
_FOLDERS = ("heads", "mail")
_SIMULATOR = "simulator.sqlite"


def back_up(settings: Settings, target: Path) -> Manifest:
    """Make the folder. Raises InvalidInput where it exists, CannotStart where the database cannot be saved."""
    if target.exists():
        raise InvalidInput(f"{target} exists already: name a folder that does not, a new one for each backup.")
    draft = target.with_name(f".{target.name}.making")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True, mode=0o700)  # before there is anything in it: nobody reads along while it is made
        (draft / FILES).mkdir(mode=0o700)
        with owned_database(settings) as url:
            manifest = _fill(draft, settings, url)
        write(draft, manifest)
        keep_safe(draft)
        draft.rename(target)
    except OSError as error:
        raise CannotStart(f"The backup could not be made in {target}: {_reason(error)}.") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    _remember(settings, target, manifest)
    return manifest


def _remember(settings: Settings, target: Path, manifest: Manifest) -> None:
    """What is saved is saved: whoever cannot note it, such as on a full disk, must not be led to throw it away."""
    try:
        remember_backup(settings.data, manifest.begun_at)
    except OSError as error:
        raise CannotStart(
            f"{target} is a whole backup; only that it was made could not be noted in {settings.data}"
            f" ({error.strerror}), so that the alarm for old backups does not know of it."
        ) from error


def _reason(error: OSError) -> str:
    """With the file it is about: it may be one that is saved. Where there are several, there is no other word."""
    return f"{error.strerror} ({error.filename})" if error.strerror else str(error)


def _fill(draft: Path, settings: Settings, url: str) -> Manifest:
    _copy_files(settings.data, draft / FILES)
    with psycopg.connect(url) as connection:
        check_sees_everything(connection)
        migrations, server = applied_migrations(connection), connection.info
        version, owner = server.server_version, server.user
        begun_at = begun(connection)
    run_program("pg_dump", url, "--format=custom", "--lock-wait-timeout=60s", "--file", str(draft / DUMP))
    _copy_simulator(settings.data, draft / FILES)
    return Manifest(
        format=1,
        begun_at=begun_at,
        server_version=version,
        owner=owner,
        migrations=sorted(migrations),
        own_secret_key=not os.environ.get("TESTKASE_SECRET_KEY"),
        contents=describe(draft),
    )


def begun(connection: psycopg.Connection[Any]) -> datetime:
    """Everything acknowledged before this moment is in what is read from now on. A replica has what it has replayed,
    however far behind it is; nobody may take its dump for one of now. Raises CannotStart."""
    row = connection.execute("SELECT pg_is_in_recovery(), pg_last_xact_replay_timestamp()").fetchone()
    assert row is not None
    replica: bool = row[0]
    replayed: datetime | None = row[1]
    if not replica:
        return utc_now()
    if replayed is None:
        raise CannotStart(
            "DATABASE_URL leads to a replica that has replayed nothing since it was started, so that nobody knows how"
            " far behind it is: try again when something was written, or save the primary."
        )
    return min(utc_now(), replayed.astimezone(UTC))


def _copy_files(data: Path, target: Path) -> None:
    for name in _SECRETS:
        if (data / name).exists():
            shutil.copy2(data / name, target / name)
    for name in _FOLDERS:
        if (data / name).is_dir():
            shutil.copytree(data / name, target / name, ignore=shutil.ignore_patterns(".*"))


def _copy_simulator(data: Path, target: Path) -> None:
    """SQLite's own way to copy a file that is being written to."""
    if not (data / _SIMULATOR).exists():
        return
    with closing(sqlite3.connect(data / _SIMULATOR)) as books, closing(sqlite3.connect(target / _SIMULATOR)) as copy:
        books.backup(copy)
