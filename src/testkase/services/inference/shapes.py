"""The shapes of messages and tools, before anything is held: what a provider could only answer with a fault of its own,
which clients repeat, is the caller's to correct."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from testkase.foundation.json_size import outgrows
from testkase.foundation.problems import InvalidInput
from testkase.services.inference.problems import UnsupportedParameter

MOST_VALUES = 100_000
"""In one request, and in the arguments of all the tools called in it. A conversation of ten thousand messages has half
as many. Each costs microseconds of everybody's time to read, measure, translate and write."""
MOST_TOOLS = 1_000
MOST_LEVELS = 256
"""Of lists and objects inside one another. Translating and writing them takes the stack, level by level: what is nested
deeper would break off a request whose credits are held."""

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
    tools: Annotated[list[_Tool], Meta(max_length=MOST_TOOLS)] | None = None
    functions: list[_Function] | None = None


class _Fields(Struct):
    """Where the fields that can be long begin and end, and nothing of what is inside."""

    messages: msgspec.Raw = msgspec.Raw()
    tools: msgspec.Raw = msgspec.Raw()
    functions: msgspec.Raw = msgspec.Raw()
    response_format: msgspec.Raw = msgspec.Raw()
    stop: msgspec.Raw = msgspec.Raw()
    logit_bias: msgspec.Raw = msgspec.Raw()


def check_size(raw: bytes) -> None:
    """Refuse a request that would take seconds to decode, before it is. Raises InvalidInput naming its longest
    field."""
    if (too_much := too_much_in(raw)) is not None:
        raise InvalidInput(
            f"The request holds {too_much}. Send a shorter conversation, or what it holds as text.",
            field=_longest_field(raw),
        )


def too_much_in(content: bytes) -> str | None:
    """What of a JSON text is beyond MOST_VALUES or MOST_LEVELS, in words."""
    return outgrows(content, values=MOST_VALUES, levels=MOST_LEVELS)


def _longest_field(raw: bytes) -> str | None:
    try:
        fields = msgspec.structs.asdict(msgspec.json.decode(raw, type=_Fields))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # it is no JSON either
    sizes = {name: len(bytes(value)) for name, value in fields.items()}
    longest = max(sizes, key=sizes.__getitem__)
    return longest if sizes[longest] else None


def check_shapes(body: Mapping[str, Any]) -> None:
    """Raises InvalidInput naming the field: `messages[0].content[1].text`; UnsupportedParameter for what is understood
    and not offered."""
    try:
        asked = msgspec.convert(body, _Asked)
    except msgspec.ValidationError as error:
        raise _misshapen(str(error)) from None
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


def _missing(field: str, what: str) -> InvalidInput:
    return InvalidInput(f"{field.rpartition('.')[2]} is missing: {what} needs one.", field=field)


def _misshapen(message: str) -> InvalidInput:
    """From msgspec's sentence: `Expected `str`, got `int` - at `$.messages[0].role``."""
    found = _PLACE.search(message)
    field = found["place"] if found else "messages"
    what = _PLACE.sub("", message)[:300]
    # The place stands in the sentence too: clients show that alone.
    return InvalidInput(f"{field}: {what[:1].lower()}{what[1:]}.", field=field)
