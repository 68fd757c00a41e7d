"""`backup.json` in the data folder: when the last backup was begun, for those who watch that there is one."""

from datetime import datetime
from pathlib import Path

import msgspec

from testkase.config.private_file import write_private

_FILE_NAME = "backup.json"


class LastBackup(msgspec.Struct, frozen=True, kw_only=True):
    """Of this data folder."""

    begun_at: datetime


def last_backup(data: Path) -> LastBackup | None:
    """None: there was none, or it cannot be told."""
    try:
        return msgspec.json.decode((data / _FILE_NAME).read_bytes(), type=LastBackup)
    except (OSError, msgspec.DecodeError):
        return None


def remember_backup(data: Path, begun_at: datetime) -> None:
    """A backup is whole."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(data / _FILE_NAME, msgspec.json.encode(LastBackup(begun_at=begun_at)))
