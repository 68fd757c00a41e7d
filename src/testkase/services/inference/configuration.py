"""The operator's providers, from a TOML file (`TESTKASE_PROVIDERS`).

[[providers]]
name = "openai"
base_url = "https://api.openai.com/v1"
api_key_env = "OPENAI_API_KEY"      # the name of the variable, never the key
no_training = true                  # what your contract says (R70) …
zero_retention = true               # … and this (R71); without both the provider is refused
capabilities = { max_completion_tokens = true, store = true, max_choices = 8 }

[[providers.models]]
name = "gpt-5-mini"                 # as in the rate card and in requests
upstream = "gpt-5-mini-2025-08-07"  # as the provider calls it; the same name when left out
context_window = 400000
max_output_tokens = 16384
"""

import ipaddress
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import msgspec

from testkase.services.inference.model import Capabilities, ModelEntry, Provider, Timeouts
from testkase.services.inference.problems import ProviderNotAccepted

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$")]
Count = Annotated[int, msgspec.Meta(ge=1, le=100_000_000)]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3_600)]


class CapabilitiesTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    max_completion_tokens: bool = False
    store: bool = False
    stream_options: bool = True
    continuous_usage: bool = False
    max_choices: Annotated[int, msgspec.Meta(ge=1, le=16)] = 1
    extra_fields: tuple[str, ...] = ()
    request: dict[str, Any] = {}


class TimeoutsTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    connect: Seconds = 10.0
    read: Seconds = 180.0
    write: Seconds = 60.0


class ModelTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    context_window: Count
    max_output_tokens: Count
    upstream: str | None = None
    small: bool = False


class ProviderTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    base_url: str
    models: Annotated[tuple[ModelTable, ...], msgspec.Meta(min_length=1)]
    api_key_env: str | None = None
    no_training: bool = False
    zero_retention: bool = False
    capabilities: CapabilitiesTable = CapabilitiesTable()
    timeouts: TimeoutsTable = TimeoutsTable()


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    providers: tuple[ProviderTable, ...] = ()


Configured = list[tuple[Provider, tuple[ModelEntry, ...]]]


def load_providers(path: Path, environ: Mapping[str, str] = os.environ) -> Configured:
    """Every provider of the file with its models. Raises ProviderNotAccepted naming file, place and what to write."""
    try:
        file = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), File)
    except OSError as error:
        raise ProviderNotAccepted(f"{path} cannot be read: {error.strerror}.", field="TESTKASE_PROVIDERS") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ProviderNotAccepted(f"{path}: {error}.", field="TESTKASE_PROVIDERS") from error
    names = [table.name for table in file.providers]
    if len(set(names)) < len(names):
        raise ProviderNotAccepted(f"{path}: two providers have the same name.", field="providers.name")
    return [_accepted(table, path, environ) for table in file.providers]


def check_base_url(url: str, *, place: str) -> str:
    """The URL without its trailing slash. Raises ProviderNotAccepted unless it is https, or http on loopback (R69)."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where the port is no number
    except ValueError as error:
        raise ProviderNotAccepted(f"{place}: base_url {url!r} is not a URL: {error}.", field="base_url") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ProviderNotAccepted(f"{place}: base_url must begin with https:// and name a host.", field="base_url")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ProviderNotAccepted(
            f"{place}: base_url may not carry a user, a password, a query or a fragment; name the key's environment"
            " variable in api_key_env instead.",
            field="base_url",
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ProviderNotAccepted(
            f"{place}: base_url must be https, because prompts would cross the network unprotected. Plain http is"
            " accepted for loopback addresses only.",
            field="base_url",
        )
    return url.rstrip("/")


def _accepted(table: ProviderTable, path: Path, environ: Mapping[str, str]) -> tuple[Provider, tuple[ModelEntry, ...]]:
    place = f"{path}: provider {table.name!r}"
    for declaration in ("no_training", "zero_retention"):
        if not getattr(table, declaration):
            raise ProviderNotAccepted(
                f"{place}: {declaration} is not declared. Write `{declaration} = true` once your contract with the"
                " provider says so; without it nothing may be sent there.",
                field=declaration,
            )
    base_url = check_base_url(table.base_url, place=place)
    key = environ.get(table.api_key_env) if table.api_key_env else None
    if table.api_key_env and not key:
        raise ProviderNotAccepted(f"{place}: the environment variable {table.api_key_env} is not set.")
    if key and any(character.isspace() or not character.isascii() for character in key):
        raise ProviderNotAccepted(f"{place}: {table.api_key_env} holds characters that no key has.")
    provider = Provider(
        name=table.name,
        base_url=base_url,
        api_key=key,
        no_training=table.no_training,
        zero_retention=table.zero_retention,
        capabilities=_capabilities(table.capabilities),
        timeouts=Timeouts(connect=table.timeouts.connect, read=table.timeouts.read, write=table.timeouts.write),
    )
    return provider, tuple(_entry(provider, model) for model in table.models)


def _capabilities(table: CapabilitiesTable) -> Capabilities:
    return Capabilities(
        max_completion_tokens=table.max_completion_tokens,
        store=table.store,
        stream_options=table.stream_options,
        continuous_usage=table.continuous_usage,
        max_choices=table.max_choices,
        extra_fields=table.extra_fields,
        request=tuple((name, msgspec.json.encode(value).decode()) for name, value in table.request.items()),
    )


def _entry(provider: Provider, table: ModelTable) -> ModelEntry:
    return ModelEntry(
        name=table.name,
        provider=provider.name,
        upstream_model=table.upstream or table.name,
        context_window=table.context_window,
        max_output_tokens=min(table.max_output_tokens, table.context_window),
        no_training=provider.no_training,
        zero_retention=provider.zero_retention,
        capabilities=provider.capabilities,
        small=table.small,
    )


def _is_loopback(host: str) -> bool:
    """A literal loopback address, or the name that means one by definition; no other name is resolved or trusted."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
