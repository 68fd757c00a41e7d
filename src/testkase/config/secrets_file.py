"""Secrets this installation made for itself, kept in the data folder where only its user can read them."""

import secrets
from pathlib import Path

import msgspec

from testkase.config.failures import CannotStart
from testkase.config.private_file import write_private


class Secrets(msgspec.Struct, frozen=True, kw_only=True):
    """Made once, at the first start."""

    secret_key: str
    owner_password: str
    app_password: str


def load_or_make(folder: Path) -> Secrets:
    """The secrets of a data folder. Raises CannotStart when the file is damaged: a new one opens no database."""
    path = folder / "secrets.json"
    if path.exists():
        try:
            return msgspec.json.decode(path.read_bytes(), type=Secrets)
        except msgspec.DecodeError as error:
            raise CannotStart(f"{path} cannot be read ({error}): restore it from a backup.") from error
    made = Secrets(
        secret_key=secrets.token_urlsafe(48),
        owner_password=secrets.token_urlsafe(24),
        app_password=secrets.token_urlsafe(24),
    )
    write_private(path, msgspec.json.encode(made))
    return made
