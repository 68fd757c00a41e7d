"""The models this installation serves, and the way to call one."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from testkase.foundation.problems import InvalidInput
from testkase.foundation.settings import Settings
from testkase.services.inference import bounds
from testkase.services.inference.configuration import Configured, load_providers, load_quality
from testkase.services.inference.embedded import embedded_provider
from testkase.services.inference.model import LEVELS, Level, ModelEntry, Provider, Quality
from testkase.services.inference.problems import ModelNotServed, ProviderNotAccepted
from testkase.services.inference.providers import dialect_of
from testkase.services.inference.providers.calling import ChatCall, Dialect, Endpoint
from testkase.services.inference.request import TRANSLATED, prepare_body

Call = ChatCall
"""What `Catalog.open` answers."""


class Catalog:
    """Models by name. One per process; its connections belong to the event loop that first calls a model."""

    def __init__(self, configured: Configured, quality: Quality | None = None) -> None:
        self._quality = quality or {}
        self._providers: dict[str, Provider] = {}
        self._entries: dict[str, ModelEntry] = {}
        self._endpoints: dict[str, Endpoint] = {}
        self._dialects: dict[str, Dialect] = {}
        for provider, entries in configured:
            self._providers[provider.name] = provider
            self._dialects[provider.name] = dialect_of(provider)
            for entry in entries:
                if entry.name in self._entries:
                    other = self._entries[entry.name].provider
                    raise ProviderNotAccepted(
                        f"Model {entry.name!r} is offered by both {other!r} and {provider.name!r}; a name leads to one"
                        " provider. Give one of them another name.",
                        field="providers.models.name",
                    )
                self._entries[entry.name] = entry
        self._check_names()

    @classmethod
    def from_settings(cls, settings: Settings, environ: Mapping[str, str] = os.environ) -> "Catalog":
        """The embedded model, where it has a port, and the operator's providers. Raises ProviderNotAccepted."""
        configured: Configured = []
        quality: Quality = {}
        if settings.model_port:
            configured.append(embedded_provider(settings.model_port, settings.model_api_key))
        if settings.providers is not None:
            configured += load_providers(settings.providers, environ)
            quality = load_quality(settings.providers)
        try:
            return cls(configured, quality)
        except ProviderNotAccepted as problem:  # what names lead to is known only now, and only here in which file
            raise ProviderNotAccepted(f"{settings.providers}: {problem.detail}", field=problem.field) from problem

    def models(self) -> tuple[ModelEntry, ...]:
        """Every model, in the order of configuration."""
        return tuple(self._entries.values())

    def find(self, model: str) -> ModelEntry:
        """The entry of a name. Raises ModelNotServed."""
        try:
            return self._entries[model]
        except (KeyError, TypeError):
            offered = ", ".join(self._entries) or "none"
            raise ModelNotServed(f"There is no model {model!r:.100} here. Models: {offered}.", field="model") from None

    def levels(self, feature: str, cost: Callable[[ModelEntry], int | None]) -> dict[Level, ModelEntry]:
        """The model of each level; empty where nothing can be called. `cost`: of a call of one size, for comparison;
        None for a model without a price, which is never called.

        A level the operator did not name follows from the prices: the cheapest model is fast, the dearest best, the one
        in the middle balanced. The embedded model is among them only where there is no other.
        """
        costs = {entry.name: cost(entry) for entry in self._entries.values()}
        priced = [entry for entry in self._entries.values() if costs[entry.name] is not None]
        ladder = sorted(
            [entry for entry in priced if not entry.small] or priced, key=lambda entry: costs[entry.name] or 0
        )
        if not ladder:
            return {}
        steps = {"fast": ladder[0], "balanced": ladder[(len(ladder) - 1) // 2], "best": ladder[-1]}
        named = {entry.name: entry for entry in priced}
        return {level: named.get(self._quality.get((feature, level), ""), steps[level]) for level in LEVELS}

    def provider_of(self, model: str) -> Provider:
        """Who serves a model. Raises ModelNotServed."""
        return self._providers[self.find(model).provider]

    def input_token_bound(self, body: Mapping[str, Any]) -> int:
        """The most prompt tokens the request can come to."""
        return bounds.input_token_bound(body)

    def check(self, model: str, body: Mapping[str, Any]) -> None:
        """Whether the model's provider can be asked this at all, before anything is held for it. Raises ModelNotServed,
        UnsupportedParameter."""
        entry = self.find(model)
        if entry.kind in TRANSLATED:
            self._dialects[entry.provider].request(entry, prepare_body(entry, body), stream=False)

    def open(self, model: str, body: Mapping[str, Any], *, stream: bool, max_output_tokens: int | None = None) -> Call:
        """A call ready to be sent by `async with`. Raises ModelNotServed, UnsupportedParameter.

        The request is clamped here once more, so that nothing can reach a provider without an enforced output limit.
        """
        entry = self.find(model)
        prepared = prepare_body(entry, body, max_output_tokens, stream=stream)
        dialect = self._dialects[entry.provider]
        return ChatCall(
            self._endpoint(entry.provider),
            dialect.request(entry, prepared, stream=stream),
            dialect.interpreter(show_usage=_asks_for_usage(body)),
            prepared,
            context_window=entry.context_window,
            stream=stream,
        )

    async def close(self) -> None:
        """Close every connection. Calls in flight fail."""
        for endpoint in self._endpoints.values():
            await endpoint.close()
        self._endpoints.clear()

    def _endpoint(self, provider: str) -> Endpoint:
        if provider not in self._endpoints:
            named = self._providers[provider]
            self._endpoints[provider] = Endpoint(named, self._dialects[provider].headers(named))
        return self._endpoints[provider]

    def _check_names(self) -> None:
        """What falls back, and what a level stands for, must be there."""
        for entry in self._entries.values():
            for name in entry.fallback:
                if name not in self._entries or name == entry.name:
                    raise ProviderNotAccepted(
                        f"Model {entry.name!r} falls back to {name!r}, which is no other model of the file.",
                        field="providers.models.fallback",
                    )
        for (feature, level), name in self._quality.items():
            if name not in self._entries:
                raise ProviderNotAccepted(
                    f"quality.{feature}.{level} names {name!r}, which no provider of the file serves.", field="quality"
                )


def _asks_for_usage(body: Mapping[str, Any]) -> bool:
    options = body.get("stream_options")
    if options is not None and not isinstance(options, dict):
        raise InvalidInput("stream_options must be an object.", field="stream_options")
    return bool(options and options.get("include_usage"))
