"""Writing an answer as a chat completion: chunk by chunk, or whole."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from testkase.core.ledger.terms import Tokens
from testkase.services.inference.providers.calling.heard import Heard
from testkase.services.inference.tools import extra_content

Delta = dict[str, Any]

DONE = b"[DONE]"


def call_begins(index: int, call_id: str, name: str, *, arguments: str = "", signature: str | None = None) -> Delta:
    """The model begins to call a tool."""
    call = {"index": index, "id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}
    return {"tool_calls": [call | ({"extra_content": extra_content(signature)} if signature else {})]}


def call_goes_on(index: int, arguments: str) -> Delta:
    """More of its arguments."""
    return {"tool_calls": [{"index": index, "function": {"arguments": arguments}}]}


def usage_field(tokens: Tokens) -> dict[str, Any]:
    """Disjoint buckets as OpenAI shows them: the parents include their children."""
    prompt = tokens.input + tokens.cached_input + tokens.cache_write
    answer = tokens.output + tokens.reasoning
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer,
        "total_tokens": prompt + answer,
        "prompt_tokens_details": {"cached_tokens": tokens.cached_input, "cache_write_tokens": tokens.cache_write},
        "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
    }


class Writer:
    """Writes one answer."""

    def __init__(self) -> None:
        self.model = ""
        self.heard = Heard()
        self._created = int(time.time())

    def chunk(self, delta: Delta, finish_reason: str | None = None) -> bytes:
        """A chunk of a stream."""
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        return msgspec.json.encode(self._head("chat.completion.chunk") | {"choices": [choice]})

    def usage(self) -> bytes:
        """The chunk with the usage, where there is any to tell."""
        told = usage_field(self.heard.tokens) if self.heard.tokens is not None else None
        return msgspec.json.encode(self._head("chat.completion.chunk") | {"choices": [], "usage": told})

    def whole(self, deltas: list[Delta], finish_reason: str | None) -> bytes:
        """The answer in one piece."""
        choice = {"index": 0, "message": _message(deltas), "logprobs": None, "finish_reason": finish_reason}
        body: dict[str, Any] = self._head("chat.completion") | {"choices": [choice]}
        if self.heard.tokens is not None:
            body["usage"] = usage_field(self.heard.tokens)
        return msgspec.json.encode(body)

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": self.heard.upstream_id or "chatcmpl",
            "object": kind,
            "created": self._created,
            "model": self.model,
        }


def _message(deltas: list[Delta]) -> Mapping[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": None}
    for name in ("content", "reasoning_content"):
        if texts := [delta[name] for delta in deltas if name in delta]:
            message[name] = "".join(texts)
    calls: dict[int, dict[str, Any]] = {}
    for delta in deltas:
        for piece in delta.get("tool_calls", ()):
            known = calls.get(piece["index"])
            if known is None:
                calls[piece["index"]] = {name: value for name, value in piece.items() if name != "index"}
            else:
                arguments = known["function"]["arguments"] + piece["function"]["arguments"]
                known["function"] = known["function"] | {"arguments": arguments}
    if calls:
        message["tool_calls"] = [call for _, call in sorted(calls.items())]
    return message
