"""A backup holds everybody's rows and the product's secrets: only its user may look, also while it is being made."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from testkase.config import prepare as preparing
from testkase.config.backups import backup, programs
from testkase.config.backups.manifest import Manifest
from testkase.config.failures import CannotStart
from testkase.foundation.clock import utc_now
from testkase.foundation.settings import Settings


@contextmanager
def _somewhere(_settings: Settings) -> Iterator[str]:
    yield "postgresql://owner@localhost/none"


@pytest.fixture
def usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def _fill(draft: Path, _settings: Settings, _url: str) -> Manifest:
    (draft / "database.dump").write_bytes(b"rows")
    return Manifest(
        format=1, begun_at=utc_now(), server_version=180_000, owner="owner", migrations=[], own_secret_key=True,
        contents=[],
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "owned_database", _somewhere)
    monkeypatch.setenv("TESTKASE_DATA", str(tmp_path))


@pytest.mark.usefixtures("usual_umask")
def test_nobody_else_can_enter_a_backup_that_is_being_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def fill(draft: Path, settings: Settings, url: str) -> Manifest:
        seen.append(draft.stat().st_mode & 0o777)
        return _fill(draft, settings, url)

    monkeypatch.setattr(backup, "_fill", fill)
    backup.back_up(Settings.from_environ(), tmp_path / "saved")
    assert seen == [0o700]
    assert (tmp_path / "saved" / "database.dump").stat().st_mode & 0o777 == 0o600


def test_a_backup_that_is_whole_is_called_so_where_the_data_folder_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_data: Path, _begun_at: datetime) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(backup, "_fill", _fill)
    monkeypatch.setattr(backup, "remember_backup", full)
    with pytest.raises(CannotStart, match=r"saved is a whole backup; .*No space left on device"):
        backup.back_up(Settings.from_environ(), tmp_path / "saved")
    assert (tmp_path / "saved/database.dump").read_bytes() == b"rows"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (PermissionError(errno.EACCES, "Permission denied", "/srv/var/secrets.json"), r"secrets\.json"),
        (shutil.Error([("/srv/var/mail/1.eml", "there", "Permission denied")]), r"mail/1\.eml"),
    ],
)
def test_a_file_that_cannot_be_saved_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, words: str
) -> None:
    def refused(_draft: Path, _settings: Settings, _url: str) -> Manifest:
        raise error

    monkeypatch.setattr(backup, "_fill", refused)
    with pytest.raises(CannotStart, match=words):
        backup.back_up(Settings.from_environ(), tmp_path / "saved")


def _answering(*row: object) -> MagicMock:
    connection = MagicMock()
    connection.execute.return_value.fetchone.return_value = row
    return connection


def test_the_dump_of_a_replica_is_of_what_it_has_replayed_and_not_of_now() -> None:
    replayed = datetime(2026, 11, 28, 14, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    assert backup.begun(_answering(True, replayed)) == datetime(2026, 11, 28, 8, 30, tzinfo=UTC)
    assert backup.begun(_answering(True, utc_now() + timedelta(hours=1))) <= utc_now(), "clocks differ"
    assert utc_now() - backup.begun(_answering(False, replayed)) < timedelta(minutes=1), "it was one once"
    with pytest.raises(CannotStart, match="nobody knows how far behind it is"):
        backup.begun(_answering(True, None))


def test_a_server_that_wants_encryption_is_met_with_what_to_say_in_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = tmp_path / "pg_dump"
    refused.write_text(
        "#!/bin/sh\necho 'pg_dump: error: FATAL:  no pg_hba.conf entry for \"x\", no encryption' >&2; exit 1"
    )
    refused.chmod(0o700)
    monkeypatch.setattr(programs, "_find", lambda _name, _url: str(refused))
    with pytest.raises(CannotStart, match=r"no encryption\. .* cannot encrypt: say sslmode=require in DATABASE_URL$"):
        programs.run_program("pg_dump", "postgresql://owner@localhost/none")


def test_a_demonstration_is_prepared_where_nothing_has_run_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sign-ins are written there once they are in the database: who cannot write them has lost them."""
    data = tmp_path / "of" / "a new machine"
    for name in ("log", "migrate_from_environment"):
        monkeypatch.setattr(preparing, name, MagicMock())
    monkeypatch.setattr(preparing, "_seed", lambda settings: (settings.data / "demo.json").touch())
    preparing.prepare(Settings.from_environ({"TESTKASE_DATA": str(data)}))
    assert data.stat().st_mode & 0o777 == 0o700
