"""Secrets this installation made for itself, kept in the data folder where only its user can read them."""

import os
import secrets
from pathlib import Path

import msgspec

from testkase.config.failures import CannotStart


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
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(made))
        file.flush()
        os.fsync(file.fileno())
    draft.rename(path)
    return made
