"""The shapes of messages and tools, before anything is held: what a provider could only answer with a fault of its own,
which clients repeat, is the caller's to correct."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from testkase.services.inference.problems import UnsupportedParameter

_OWN_TOOLS = ("function", "custom")
_PLACE = re.compile(r" - at `\$\.(?P<place>[^`]*)`$")


class _Part(Struct):
    type: str
    text: str | None = None
    refusal: str | None = None


class _CalledFunction(Struct):
    name: str
    arguments: str


class _ToolCall(Struct):
    function: _CalledFunction | None = None
    id: str | None = None
    type: str | None = None


class _Message(Struct):
    role: str
    content: str | list[_Part] | None = None
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: list[_ToolCall] | None = None
    reasoning_content: str | None = None
    refusal: str | None = None


class _Function(Struct):
    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None


class _Tool(Struct):
    type: str
    function: _Function | None = None


class _Asked(Struct):
    """What is not named here is the provider's to judge."""

    messages: Annotated[list[_Message], Meta(min_length=1)]
    tools: list[_Tool] | None = None
    functions: list[_Function] | None = None


def check_shapes(body: Mapping[str, Any]) -> None:
    """Raises UnsupportedParameter naming the field: `messages[0].content[1].text`."""
    try:
        asked = msgspec.convert(body, _Asked)
    except msgspec.ValidationError as error:
        raise _unsupported(str(error)) from None
    for index, message in enumerate(asked.messages):
        _check_parts(message, f"messages[{index}]")
        for nth, call in enumerate(message.tool_calls or ()):
            if call.function is None and call.type in (None, "function"):
                raise _missing(f"messages[{index}].tool_calls[{nth}].function", "a function's call")
    for index, tool in enumerate(asked.tools or ()):
        _check_tool(tool, f"tools[{index}]")


def _check_parts(message: _Message, place: str) -> None:
    if not isinstance(message.content, list):
        return
    for index, part in enumerate(message.content):
        if part.type not in ("text", "refusal"):
            raise UnsupportedParameter(
                "Only text parts are accepted: the tokens of images, audio and files cannot be bounded beforehand.",
                field=f"{place}.content",
            )
        if getattr(part, part.type) is None:
            raise _missing(f"{place}.content[{index}].{part.type}", f"a part of type {part.type}")


def _check_tool(tool: _Tool, place: str) -> None:
    if tool.type not in _OWN_TOOLS:
        raise UnsupportedParameter(
            f"Only tools that the caller runs are offered ({', '.join(_OWN_TOOLS)}): what a provider runs, such as a"
            " search, is billed apart, and cannot be bounded beforehand.",
            field=f"{place}.type",
        )
    if tool.function is None and tool.type == "function":
        raise _missing(f"{place}.function", "a function")


def _missing(field: str, what: str) -> UnsupportedParameter:
    return UnsupportedParameter(f"{field.rpartition('.')[2]} is missing: {what} needs one.", field=field)


def _unsupported(message: str) -> UnsupportedParameter:
    """From msgspec's sentence: `Expected `str`, got `int` - at `$.messages[0].role``."""
    found = _PLACE.search(message)
    field = found["place"] if found else None
    return UnsupportedParameter(f"{_PLACE.sub('', message)[:300]}.", field=field or "messages")
