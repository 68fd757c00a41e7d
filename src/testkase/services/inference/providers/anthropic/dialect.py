"""Speaking to Anthropic: its address, its headers, its interpreter."""

from collections.abc import Mapping
from typing import Any

import msgspec

from testkase.services.inference.model import ModelEntry, Provider
from testkase.services.inference.providers.anthropic.interpreter import MessagesInterpreter
from testkase.services.inference.providers.anthropic.request import messages_request
from testkase.services.inference.providers.calling.dialect import Headers, Interpreter, Outgoing

VERSION = b"2023-06-01"
"""Of the API; the only one there has been of the Messages API as this adapter reads it."""


class Anthropic:
    """The Messages API."""

    def headers(self, provider: Provider) -> Headers:
        key = [(b"x-api-key", provider.api_key.encode("ascii"))] if provider.api_key else []
        return [(b"anthropic-version", VERSION), *key]

    def request(self, entry: ModelEntry, body: Mapping[str, Any], *, stream: bool) -> Outgoing:
        content = messages_request(entry.capabilities, body, stream=stream)
        return Outgoing(path="/messages", content=msgspec.json.encode(content))

    def interpreter(self, *, show_usage: bool) -> Interpreter:
        return MessagesInterpreter(show_usage=show_usage)
