"""Speaking to Azure OpenAI. Its answers are OpenAI's; the chunks of its content filter, which come first and have no
choices, pass like any other.

A call is priced by its deployment, which is the name the operator gave it here: the model an answer names is only the
base model.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from testkase.services.inference.model import ModelEntry, Provider
from testkase.services.inference.providers.calling.dialect import Headers, Interpreter, Outgoing
from testkase.services.inference.providers.openai_compatible import PassedOn


class Azure:
    """One resource of Azure OpenAI, at one version of its API."""

    def __init__(self, api_version: str) -> None:
        self._query = f"api-version={quote(api_version, safe='')}"

    def headers(self, provider: Provider) -> Headers:
        return [(b"api-key", provider.api_key.encode("ascii"))] if provider.api_key else []

    def request(self, entry: ModelEntry, body: Mapping[str, Any], *, stream: bool) -> Outgoing:
        deployment = quote(str(body["model"]), safe="")
        sent = {name: value for name, value in body.items() if name != "model"}
        return Outgoing(
            path=f"/openai/deployments/{deployment}/chat/completions?{self._query}", content=msgspec.json.encode(sent)
        )

    def interpreter(self, *, show_usage: bool) -> Interpreter:
        return PassedOn(show_usage=show_usage)
