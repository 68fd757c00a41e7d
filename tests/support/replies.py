"""What the scripted upstream answers: replies as values, and the JSON and events they become."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

USAGE: dict[str, Any] = {
    "prompt_tokens": 20,
    "completion_tokens": 4,
    "total_tokens": 24,
}


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the upstream does with one request. The defaults are a well-behaved answer in four pieces."""

    chunks: tuple[str, ...] = ("Hello", " from", " the", " upstream")
    usage: dict[str, Any] | None = field(default_factory=lambda: dict(USAGE))
    """None: the provider omits usage altogether."""
    running_usage: tuple[dict[str, Any], ...] = ()
    """Usage carried by the content chunks themselves, as vLLM does with continuous_usage_stats."""
    finish_reason: str | None = "stop"
    reasoning: tuple[str, ...] = ()
    """Pieces of `reasoning_content`, sent before the text."""
    tool_call: tuple[str, str] | None = None
    """Function name and JSON arguments; sent after the text, with finish_reason `tool_calls`."""
    refusal: str | None = None
    status: int = 200
    error: dict[str, Any] | None = None
    """Body of an error answer; with status 200 it is sent as an event in the stream after `cut_after` chunks."""
    headers: tuple[tuple[str, str], ...] = ()
    raw_body: bytes | None = None
    """Sent as it is instead of a JSON answer."""
    raw_events: tuple[str, ...] = ()
    """Sent as they are instead of a stream made of the above: payloads of events, or comments (":…")."""
    cut_after: int | None = None
    """Stop after so many content chunks (streaming) or in the middle of the body (not streaming)."""
    cut: Literal["eof", "broken"] = "eof"
    """`eof`: the chunked encoding ends properly; `broken`: the connection closes inside a chunk."""
    delay_headers: float = 0
    """Seconds before the status line."""
    delay_first: float = 0
    """Seconds between the headers and the first chunk."""
    delay_chunk: float = 0
    """Seconds before every later chunk."""
    comments: bool = False
    """Send SSE comments between events, as OpenRouter does while it waits."""
    close: bool = False
    """Close the connection after a complete answer, without having announced it."""
    done: bool = True
    """Whether `[DONE]` closes the stream."""


def events(reply: Reply) -> Iterator[bytes]:
    if reply.raw_events:
        for event in reply.raw_events:
            yield (event if event.startswith(":") else f"data: {event}").encode(errors="surrogateescape") + b"\n\n"
        return
    deltas: list[dict[str, Any]] = [{"reasoning_content": text} for text in reply.reasoning]
    deltas += [{"content": text} for text in reply.chunks]
    if reply.refusal:
        deltas.append({"refusal": reply.refusal})
    if reply.tool_call:
        name, arguments = reply.tool_call
        call = {
            "index": 0,
            "id": "call_1",
            "type": "function",
            "function": {"name": name, "arguments": arguments},
        }
        deltas.append({"tool_calls": [call]})
    for number, delta in enumerate(deltas):
        usage = reply.running_usage[min(number, len(reply.running_usage) - 1)] if reply.running_usage else None
        yield _event([{"index": 0, "delta": delta, "finish_reason": None}], usage)
    if reply.finish_reason:
        reason = "tool_calls" if reply.tool_call else reply.finish_reason
        yield _event([{"index": 0, "delta": {}, "finish_reason": reason}], None)
    if reply.usage is not None:
        yield _event([], reply.usage)
    if reply.done:
        yield b"data: [DONE]\n\n"


def _event(choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> bytes:
    chunk = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "scripted",
    }
    return b"data: " + json.dumps({**chunk, "choices": choices, "usage": usage}).encode() + b"\n\n"


def completion(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(reply.chunks) or None,
    }
    if reply.reasoning:
        message["reasoning_content"] = "".join(reply.reasoning)
    if reply.refusal:
        message["refusal"] = reply.refusal
    if reply.tool_call:
        name, arguments = reply.tool_call
        function = {"name": name, "arguments": arguments}
        message["tool_calls"] = [{"id": "call_1", "type": "function", "function": function}]
    reason = "tool_calls" if reply.tool_call else reply.finish_reason
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
    }
    body["choices"] = [{"index": 0, "message": message, "finish_reason": reason}]
    if reply.usage is not None:
        body["usage"] = reply.usage
    return body
