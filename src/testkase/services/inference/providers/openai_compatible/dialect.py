"""The request as it was prepared: what the caller speaks is what the provider speaks."""

from collections.abc import Mapping
from typing import Any

import msgspec

from testkase.services.inference.model import ModelEntry, Provider
from testkase.services.inference.providers.calling.dialect import Headers, Interpreter, Outgoing
from testkase.services.inference.providers.openai_compatible.interpreter import PassedOn


class OpenAiCompatible:
    """OpenAI's own API and the servers that speak it."""

    def headers(self, provider: Provider) -> Headers:
        return [(b"authorization", b"Bearer " + provider.api_key.encode("ascii"))] if provider.api_key else []

    def request(self, entry: ModelEntry, body: Mapping[str, Any], *, stream: bool) -> Outgoing:
        return Outgoing(path="/chat/completions", content=msgspec.json.encode(body))

    def interpreter(self, *, show_usage: bool) -> Interpreter:
        return PassedOn(show_usage=show_usage)
