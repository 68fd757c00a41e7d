"""The operator's identity providers for single sign-on, from a TOML file (`TESTKASE_IDENTITY_PROVIDERS`).

[[providers]]
id = "acme"                                  # in addresses and tables; never give it to another issuer later
name = "Acme"                                # on the button: "Continue with Acme"
issuer = "https://login.acme.example"        # where /.well-known/openid-configuration is published
client_id = "testkase"
client_secret_env = "ACME_CLIENT_SECRET"     # the name of the variable, never the secret
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from testkase.config.failures import CannotStart

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class ProviderTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    issuer: Text
    client_id: Text
    client_secret_env: Text


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    providers: tuple[ProviderTable, ...] = ()


def identity_providers(path: Path | None, environ: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """allauth's setting for the providers of the file; without a file there are none. Raises CannotStart, saying what
    to write where."""
    if path is None:
        return {}
    try:
        file = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8-sig")), File)
    except OSError as error:
        raise CannotStart(f"TESTKASE_IDENTITY_PROVIDERS: {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise CannotStart(f"{path}: {error}.") from error
    names = [table.id for table in file.providers]
    if len(set(names)) < len(names):
        raise CannotStart(f"{path}: two providers have the same id.")
    return {"openid_connect": {"APPS": [_app(table, path, environ) for table in file.providers]}}


def _app(table: ProviderTable, path: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    url = urlsplit(table.issuer)
    if not url.hostname or (url.scheme != "https" and (url.scheme != "http" or url.hostname not in _LOOPBACK)):
        raise CannotStart(f"{path}: the issuer of {table.id!r} must be an https address.")
    secret = environ.get(table.client_secret_env)
    if not secret:
        raise CannotStart(f"{path}: the environment variable {table.client_secret_env} is not set.")
    return {
        "provider_id": table.id,
        "name": table.name,
        "client_id": table.client_id,
        "secret": secret,
        "settings": {"server_url": table.issuer.rstrip("/")},
    }
