"""The operator's providers, from a TOML file (`TESTKASE_PROVIDERS`).

[[providers]]
name = "openai"
kind = "openai"                     # or "anthropic", "gemini", "azure"; "openai" when left out
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
fallback = ["other-model"]          # answers instead when the provider fails, never at a higher price

[quality.test_generation]           # which models the levels are (B16)
fast = "gpt-5-mini"
balanced = "gpt-5-mini"
best = "gpt-5.4"

docs/models.md explains every key.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from testkase.services.inference.addresses import check_base_url
from testkase.services.inference.model import (
    FEATURES,
    LEVELS,
    Capabilities,
    Kind,
    Level,
    ModelEntry,
    Provider,
    Quality,
    Timeouts,
)
from testkase.services.inference.problems import ProviderNotAccepted

Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$")]
Count = Annotated[int, msgspec.Meta(ge=1, le=100_000_000)]
Thinking = Literal["budget", "level", "fixed"]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=3_600)]


class CapabilitiesTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    max_completion_tokens: bool = False
    store: bool = False
    stream_options: bool = True
    continuous_usage: bool = False
    max_choices: Annotated[int, msgspec.Meta(ge=1, le=16)] = 1
    extra_fields: tuple[str, ...] = ()
    request: dict[str, Any] = {}
    thinking: Thinking = "budget"
    sampling: bool = True


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
    thinking: Thinking | None = None
    sampling: bool | None = None
    fallback: tuple[Name, ...] = ()


class ProviderTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    base_url: str
    models: Annotated[tuple[ModelTable, ...], msgspec.Meta(min_length=1)]
    kind: Kind = "openai"
    api_version: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9.-]{0,40}$")] = ""
    api_key_env: str | None = None
    no_training: bool = False
    zero_retention: bool = False
    capabilities: CapabilitiesTable = CapabilitiesTable()
    timeouts: TimeoutsTable = TimeoutsTable()


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    providers: tuple[ProviderTable, ...] = ()
    quality: dict[str, dict[Level, Name]] = {}


Configured = list[tuple[Provider, tuple[ModelEntry, ...]]]


def load_providers(path: Path, environ: Mapping[str, str] = os.environ) -> Configured:
    """Every provider of the file with its models. Raises ProviderNotAccepted naming file, place and what to write."""
    file = _read(path)
    names = [table.name for table in file.providers]
    if len(set(names)) < len(names):
        raise ProviderNotAccepted(f"{path}: two providers have the same name.", field="providers.name")
    return [_accepted(table, path, environ) for table in file.providers]


def load_quality(path: Path) -> Quality:
    """The models of each feature's levels, as far as the file names them. Raises ProviderNotAccepted."""
    quality = _read(path).quality
    for feature in quality:
        if feature not in FEATURES:
            known = ", ".join(FEATURES)
            raise ProviderNotAccepted(f"{path}: there is no feature {feature!r}. Features: {known}.", field="quality")
    return {
        (feature, level): models[level] for feature, models in quality.items() for level in LEVELS if level in models
    }


def _read(path: Path) -> File:
    try:
        return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8-sig")), File)
    except OSError as error:
        raise ProviderNotAccepted(f"{path} cannot be read: {error.strerror}.", field="TESTKASE_PROVIDERS") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, msgspec.ValidationError) as error:
        raise ProviderNotAccepted(f"{path}: {error}.", field="TESTKASE_PROVIDERS") from error


def _accepted(table: ProviderTable, path: Path, environ: Mapping[str, str]) -> tuple[Provider, tuple[ModelEntry, ...]]:
    place = f"{path}: provider {table.name!r}"
    for declaration in ("no_training", "zero_retention"):
        if not getattr(table, declaration):
            raise ProviderNotAccepted(
                f"{place}: {declaration} is not declared. Write `{declaration} = true` once your contract with the"
                " provider says so; without it nothing may be sent there.",
                field=declaration,
            )
    _check_kind(table, place)
    base_url = check_base_url(table.base_url, place=place)
    key = environ.get(table.api_key_env) if table.api_key_env else None
    if table.api_key_env and not key:
        raise ProviderNotAccepted(f"{place}: the environment variable {table.api_key_env} is not set.")
    if key and any(character.isspace() or not character.isascii() for character in key):
        raise ProviderNotAccepted(f"{place}: {table.api_key_env} holds characters that no key has.")
    provider = Provider(
        name=table.name,
        base_url=base_url,
        kind=table.kind,
        api_version=table.api_version,
        api_key=key,
        no_training=table.no_training,
        zero_retention=table.zero_retention,
        capabilities=_capabilities(table.capabilities),
        timeouts=Timeouts(connect=table.timeouts.connect, read=table.timeouts.read, write=table.timeouts.write),
    )
    return provider, tuple(_entry(provider, model) for model in table.models)


def _check_kind(table: ProviderTable, place: str) -> None:
    """What a key says of one kind of provider has no meaning for another: refused, so that nobody relies on it."""
    if (table.kind == "azure") != bool(table.api_version):
        what = "names the version of Azure's API" if table.kind == "azure" else "is for Azure only"
        raise ProviderNotAccepted(f'{place}: api_version {what}, such as "2024-10-21".', field="api_version")
    translated = table.kind in ("anthropic", "gemini")
    ignored = _OPENAI_ONLY if translated else _TRANSLATED_ONLY
    defaults = CapabilitiesTable()
    for name in ignored:
        if getattr(table.capabilities, name) != getattr(defaults, name):
            raise ProviderNotAccepted(f"{place}: {name} has no meaning for the kind {table.kind!r}.", field=name)
    for model in table.models:
        if not translated and (model.thinking, model.sampling) != (None, None):
            raise ProviderNotAccepted(
                f"{place}: thinking and sampling have no meaning for the kind {table.kind!r}.", field="thinking"
            )


_OPENAI_ONLY = ("max_completion_tokens", "store", "stream_options", "continuous_usage", "max_choices", "extra_fields")
_TRANSLATED_ONLY = ("thinking", "sampling")


def _capabilities(table: CapabilitiesTable) -> Capabilities:
    return Capabilities(
        max_completion_tokens=table.max_completion_tokens,
        store=table.store,
        stream_options=table.stream_options,
        continuous_usage=table.continuous_usage,
        max_choices=table.max_choices,
        extra_fields=table.extra_fields,
        request=tuple((name, msgspec.json.encode(value).decode()) for name, value in table.request.items()),
        thinking=table.thinking,
        sampling=table.sampling,
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
        capabilities=_of_model(provider.capabilities, table),
        small=table.small,
        kind=provider.kind,
        fallback=table.fallback,
    )


def _of_model(able: Capabilities, table: ModelTable) -> Capabilities:
    """Models of one provider differ in how they think."""
    return replace(
        able,
        thinking=table.thinking or able.thinking,
        sampling=able.sampling if table.sampling is None else table.sampling,
    )
