"""Secrets this installation made for itself, kept in the data folder where only its user can read them."""

import os
import secrets
from dataclasses import replace
from pathlib import Path

import msgspec

from testkase.config.failures import CannotStart
from testkase.config.private_file import write_private
from testkase.foundation.settings import Settings


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


def check_secret_key() -> None:
    """For a process that is started by itself: with a key of its own it would accept no session of the others, and seal
    second steps of sign-in that nobody opens after its end. Raises CannotStart."""
    if not os.environ.get("TESTKASE_SECRET_KEY"):
        raise CannotStart(
            "Set TESTKASE_SECRET_KEY to one long random value, the same for every process and after every start."
        )


def with_kept_secret(settings: Settings) -> Settings:
    """The operator's secret key where one is given; else the one that was made for this data folder, if it was."""
    if os.environ.get("TESTKASE_SECRET_KEY") or not (settings.data / "secrets.json").exists():
        return settings
    return replace(settings, secret_key=load_or_make(settings.data).secret_key)
