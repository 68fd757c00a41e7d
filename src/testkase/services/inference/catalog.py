"""The models this installation serves, and the way to call one."""

import os
from collections.abc import Mapping
from typing import Any

from testkase.foundation.problems import InvalidInput
from testkase.foundation.settings import Settings
from testkase.services.inference import bounds
from testkase.services.inference.configuration import Configured, load_providers
from testkase.services.inference.embedded import embedded_provider
from testkase.services.inference.model import ModelEntry, Provider
from testkase.services.inference.problems import ModelNotServed, ProviderNotAccepted
from testkase.services.inference.providers.openai_compatible import ChatCall, Endpoint
from testkase.services.inference.request import prepare_body

Call = ChatCall
"""What `Catalog.open` answers."""


class Catalog:
    """Models by name. One per process; its connections belong to the event loop that first calls a model."""

    def __init__(self, configured: Configured) -> None:
        self._providers: dict[str, Provider] = {}
        self._entries: dict[str, ModelEntry] = {}
        self._endpoints: dict[str, Endpoint] = {}
        for provider, entries in configured:
            self._providers[provider.name] = provider
            for entry in entries:
                if entry.name in self._entries:
                    other = self._entries[entry.name].provider
                    raise ProviderNotAccepted(
                        f"Model {entry.name!r} is offered by both {other!r} and {provider.name!r}; a name leads to one"
                        " provider. Give one of them another name.",
                        field="providers.models.name",
                    )
                self._entries[entry.name] = entry

    @classmethod
    def from_settings(cls, settings: Settings, environ: Mapping[str, str] = os.environ) -> "Catalog":
        """The embedded model, where it has a port, and the operator's providers. Raises ProviderNotAccepted."""
        configured: Configured = []
        if settings.model_port:
            configured.append(embedded_provider(settings.model_port, settings.model_api_key))
        if settings.providers is not None:
            configured += load_providers(settings.providers, environ)
        return cls(configured)

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

    def input_token_bound(self, body: Mapping[str, Any]) -> int:
        """The most prompt tokens the request can come to."""
        return bounds.input_token_bound(body)

    def open(self, model: str, body: Mapping[str, Any], *, stream: bool, max_output_tokens: int | None = None) -> Call:
        """A call ready to be sent by `async with`. Raises ModelNotServed, UnsupportedParameter.

        The request is clamped here once more, so that nothing can reach a provider without an enforced output limit.
        """
        entry = self.find(model)
        prepared = prepare_body(entry, body, max_output_tokens, stream=stream)
        return ChatCall(self._endpoint(entry.provider), prepared, stream=stream, show_usage=_asks_for_usage(body))

    async def close(self) -> None:
        """Close every connection. Calls in flight fail."""
        for endpoint in self._endpoints.values():
            await endpoint.close()
        self._endpoints.clear()

    def _endpoint(self, provider: str) -> Endpoint:
        if provider not in self._endpoints:
            self._endpoints[provider] = Endpoint(self._providers[provider])
        return self._endpoints[provider]


def _asks_for_usage(body: Mapping[str, Any]) -> bool:
    options = body.get("stream_options")
    if options is not None and not isinstance(options, dict):
        raise InvalidInput("stream_options must be an object.", field="stream_options")
    return bool(options and options.get("include_usage"))
