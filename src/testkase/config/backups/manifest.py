"""`manifest.json` of a backup: what is in it, of when it is, and how to tell that nothing was changed or lost since."""

import hashlib
import os
from datetime import datetime
from pathlib import Path

import msgspec

from testkase.config.failures import CannotStart
from testkase.config.private_file import write_private
from testkase.foundation.problems import InvalidInput

FILE_NAME = "manifest.json"
DUMP = "database.dump"
FILES = "data"
"""Folder of the files of the data folder."""


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the backup, by its path in it."""

    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything acknowledged before `begun_at` is in the backup."""

    format: int
    begun_at: datetime
    server_version: int
    owner: str
    """The database user everything belongs to."""
    migrations: list[tuple[str, str]]
    own_secret_key: bool
    """Whether the secret key is in the backup; otherwise the operator keeps it (`TESTKASE_SECRET_KEY`)."""
    contents: list[Content]


def describe(folder: Path) -> list[Content]:
    """Every file below, in order."""
    return [
        Content(path=str(path.relative_to(folder)), size=path.stat().st_size, sha256=digest(path))
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]


def write(folder: Path, manifest: Manifest) -> None:
    """The last file of a backup to be written."""
    write_private(folder / FILE_NAME, msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n")


def read(folder: Path) -> Manifest:
    """Raises InvalidInput where this is no backup, CannotStart where it is not as it was written."""
    try:
        manifest = msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise InvalidInput(f"{folder} is no backup: it has no {FILE_NAME}.") from None
    except (OSError, msgspec.DecodeError) as error:
        raise InvalidInput(f"{folder / FILE_NAME} cannot be read ({error}).") from error
    if manifest.format != 1:
        raise InvalidInput(f"{folder} was made by a newer version of TestKase (format {manifest.format}).")
    for content in manifest.contents:
        path = folder / content.path
        if not path.is_file() or path.stat().st_size != content.size or digest(path) != content.sha256:
            raise CannotStart(f"{path} is missing or was changed since the backup was made: use another backup.")
    return manifest


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def keep_safe(folder: Path) -> None:
    """Everything is on the disk, and only its user may read it."""
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o700 if path.is_dir() else 0o600)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
