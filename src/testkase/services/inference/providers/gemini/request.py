"""A chat completion as a generateContent request."""

from collections.abc import Iterator, Mapping
from typing import Any

from testkase.services.inference.model import Capabilities
from testkase.services.inference.providers.translating.conversation import Turn, read_conversation
from testkase.services.inference.providers.translating.schema import cut_down
from testkase.services.inference.providers.translating.wishes import (
    check_translatable,
    effort_of,
    schema_of,
    stops_of,
    tool_choice,
    tools_of,
)

UNTRANSLATED = ("functions", "function_call", "logit_bias", "logprobs", "top_logprobs", "verbosity")
SCHEMA_KEYWORDS = frozenset({
    "$defs", "$ref", "$id", "$anchor", "type", "title", "description", "format", "enum", "const", "items",
    "prefixItems", "minItems", "maxItems", "minimum", "maximum", "anyOf", "oneOf", "properties",
    "additionalProperties", "required", "propertyOrdering",
})  # fmt: skip
"""What `responseJsonSchema` knows."""
THINKING_TOKENS = {"low": 1_024, "medium": 8_192, "high": 24_576}
_NAMES = {
    "temperature": "temperature",
    "top_p": "topP",
    "seed": "seed",
    "presence_penalty": "presencePenalty",
    "frequency_penalty": "frequencyPenalty",
}
_MODES = {"auto": "AUTO", "none": "NONE", "required": "ANY", "named": "ANY"}


def gemini_request(able: Capabilities, body: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that costs is bounded: the output limit is there, thinking is off unless asked, and nothing that keeps
    what is sent (grounding, files, caches) can be asked for. Raises UnsupportedParameter."""
    check_translatable(body, UNTRANSLATED, body["model"])
    conversation = read_conversation(body["messages"])
    request: dict[str, Any] = {
        "contents": [_content(turn) for turn in conversation.turns],
        "generationConfig": _configuration(able, body),
    }
    if conversation.instructions:
        request["systemInstruction"] = {"parts": [{"text": conversation.instructions}]}
    return request | _tools(body) | able.extra()


def _content(turn: Turn) -> dict[str, Any]:
    role = "user" if turn.role == "user" else "model"
    return {"role": role, "parts": list(_parts(turn))}


def _parts(turn: Turn) -> Iterator[dict[str, Any]]:
    for result in turn.results:
        yield {"functionResponse": {"name": result.name, "response": {"result": result.content}}}
    for text in filter(None, turn.texts):
        yield {"text": text}
    for call in turn.calls:
        part: dict[str, Any] = {"functionCall": {"name": call.name, "args": call.parsed()}}
        yield part | ({"thoughtSignature": call.signature} if call.signature else {})


def _configuration(able: Capabilities, body: Mapping[str, Any]) -> dict[str, Any]:
    chosen: dict[str, Any] = {"maxOutputTokens": body["max_tokens"], "candidateCount": 1}
    if able.sampling:
        chosen |= {theirs: body[ours] for ours, theirs in _NAMES.items() if body.get(ours) is not None}
    if stops := stops_of(body):
        chosen["stopSequences"] = stops
    schema = schema_of(body, json_mode=True)
    if schema is not None:
        chosen["responseMimeType"] = "application/json"
    if schema:
        chosen["responseJsonSchema"] = cut_down(schema, SCHEMA_KEYWORDS, closed=False)
    return chosen | _thinking(able, body)


def _thinking(able: Capabilities, body: Mapping[str, Any]) -> dict[str, Any]:
    """A model with levels cannot be told not to think at all; the lowest level is the least it does."""
    effort = effort_of(body)
    if able.thinking == "fixed":
        return {}
    if able.thinking == "level":
        return {"thinkingConfig": {"thinkingLevel": effort or "low"}}
    budget = min(THINKING_TOKENS[effort], body["max_tokens"] // 2) if effort else 0
    return {"thinkingConfig": {"thinkingBudget": budget}}


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    declared = [
        {"name": tool.name, "description": tool.description, "parametersJsonSchema": tool.parameters}
        for tool in tools_of(body)
    ]
    if not declared:
        return {}
    kind, name = tool_choice(body)
    calling: dict[str, Any] = {"mode": _MODES[kind]} | ({"allowedFunctionNames": [name]} if name else {})
    return {
        "tools": [{"functionDeclarations": declared}],
        "toolConfig": {"functionCallingConfig": calling},
    }
