"""A chat completion as a request of the Messages API."""

from collections.abc import Iterator, Mapping
from typing import Any

from testkase.services.inference.model import Capabilities
from testkase.services.inference.problems import UnsupportedParameter
from testkase.services.inference.providers.translating.conversation import Conversation, Turn, read_conversation
from testkase.services.inference.providers.translating.schema import cut_down
from testkase.services.inference.providers.translating.wishes import (
    check_translatable,
    effort_of,
    schema_of,
    stops_of,
    tool_choice,
    tools_of,
)

UNTRANSLATED = (
    "functions", "function_call", "logit_bias", "logprobs", "top_logprobs", "presence_penalty", "frequency_penalty",
    "seed", "verbosity",
)  # fmt: skip
SCHEMA_KEYWORDS = frozenset({
    "$defs", "$ref", "definitions", "type", "title", "description", "format", "items", "anyOf", "allOf", "properties",
    "additionalProperties", "required", "enum", "const", "default",
})  # fmt: skip
"""What its structured outputs know; lengths, counts and patterns are not among it."""
THINKING_TOKENS = {"low": 1_024, "medium": 4_096, "high": 16_384}
"""Budgets of models that take one. They are part of the output limit, so the hold covers them."""
LEAST_THINKING = 1_024
"""The provider takes no smaller budget."""
_CHOICES = {"auto": "auto", "none": "none", "required": "any", "named": "tool"}


def messages_request(able: Capabilities, body: Mapping[str, Any], *, stream: bool) -> dict[str, Any]:
    """Everything that costs is bounded: `max_tokens` is there, thinking is off unless asked, nothing is cached.

    Raises UnsupportedParameter.
    """
    check_translatable(body, UNTRANSLATED, body["model"])
    conversation = read_conversation(body["messages"])
    request: dict[str, Any] = {
        "model": body["model"],
        "max_tokens": body["max_tokens"],
        "messages": [_message(turn) for turn in conversation.turns],
        "stream": stream,
    }
    if conversation.instructions:
        request["system"] = conversation.instructions
    if stops := stops_of(body):
        request["stop_sequences"] = stops
    output = _thinking(request, able, body, conversation)
    if (schema := schema_of(body, json_mode=False)) is not None:
        output["format"] = {"type": "json_schema", "schema": cut_down(schema, SCHEMA_KEYWORDS, closed=True)}
    if output:
        request["output_config"] = output
    if able.sampling and "thinking" not in request:
        request |= _sampling(body)
    return request | _tools(body) | able.extra()


def _message(turn: Turn) -> dict[str, Any]:
    return {"role": turn.role, "content": list(_blocks(turn))}


def _blocks(turn: Turn) -> Iterator[dict[str, Any]]:
    """Results first: they must follow the calls at once."""
    for result in turn.results:
        yield {"type": "tool_result", "tool_use_id": result.call_id, "content": result.content}
    for text in filter(None, turn.texts):
        yield {"type": "text", "text": text}
    for call in turn.calls:
        yield {"type": "tool_use", "id": call.call_id, "name": call.name, "input": call.parsed()}


def _thinking(
    request: dict[str, Any], able: Capabilities, body: Mapping[str, Any], conversation: Conversation
) -> dict[str, Any]:
    """Switch thinking on where it is asked for; answers what of it belongs to `output_config`.

    Once a tool has been called, its thoughts would have to come back signed, which chat completions cannot carry: the
    model goes on without.
    """
    effort = effort_of(body)
    if effort is None or able.thinking == "fixed" or conversation.uses_tools:
        return {}
    if able.thinking == "level":
        request["thinking"] = {"type": "adaptive"}
        return {"effort": effort}
    budget = min(THINKING_TOKENS[effort], body["max_tokens"] // 2)
    if budget < LEAST_THINKING:
        raise UnsupportedParameter(
            f"With reasoning_effort the output limit must be {2 * LEAST_THINKING:,} tokens or more.", field="max_tokens"
        )
    request["thinking"] = {"type": "enabled", "budget_tokens": budget}
    return {}


def _sampling(body: Mapping[str, Any]) -> dict[str, Any]:
    """Its temperatures end at 1, where OpenAI's end at 2."""
    chosen = {name: body[name] for name in ("temperature", "top_p") if isinstance(body.get(name), int | float)}
    if "temperature" in chosen:
        chosen["temperature"] = min(chosen["temperature"], 1)
    return chosen


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    tools = [
        {"name": tool.name, "description": tool.description, "input_schema": tool.parameters} for tool in tools_of(body)
    ]
    if not tools:
        return {}
    kind, name = tool_choice(body)
    choice: dict[str, Any] = {"type": _CHOICES[kind]} | ({"name": name} if name else {})
    if body.get("parallel_tool_calls") is False and kind != "none":
        choice["disable_parallel_tool_use"] = True
    return {"tools": tools, "tool_choice": choice}
