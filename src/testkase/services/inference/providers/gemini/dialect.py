"""Speaking to Gemini: its address, its headers, its interpreter."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from testkase.services.inference.model import ModelEntry, Provider
from testkase.services.inference.providers.calling.dialect import Headers, Interpreter, Outgoing
from testkase.services.inference.providers.gemini.interpreter import GeminiInterpreter
from testkase.services.inference.providers.gemini.request import gemini_request


class Gemini:
    """The generateContent methods. The key travels in a header, never in the address, where logs would keep it."""

    def headers(self, provider: Provider) -> Headers:
        return [(b"x-goog-api-key", provider.api_key.encode("ascii"))] if provider.api_key else []

    def request(self, entry: ModelEntry, body: Mapping[str, Any], *, stream: bool) -> Outgoing:
        method = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return Outgoing(
            path=f"/models/{quote(str(body['model']), safe='')}:{method}",
            content=msgspec.json.encode(gemini_request(entry.capabilities, body)),
        )

    def interpreter(self, *, show_usage: bool) -> Interpreter:
        return GeminiInterpreter(show_usage=show_usage)
