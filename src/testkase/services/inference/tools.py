"""Tools a model may call, its calls, and their results: one neutral form, whichever provider answers.

    body = {"messages": [...], "tools": [tool.as_field() for tool in tools]}
    answer = Answer()
    async with interaction.call(body, stream=True) as call:
        async for event in call.events():
            show(answer.take(event))
    if answer.tool_calls:
        messages.append(answer.as_message())
        messages += [ToolResult(call_id=one.call_id, content=run(one)).as_message() for one in answer.tool_calls]

The fields are those of OpenAI's chat completions, which every adapter translates.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from testkase.foundation.problems import InvalidInput


class ToolCallUnreadable(InvalidInput):
    """The model called a tool with arguments that are no JSON object: tell it so in the tool's result."""

    code = "tool_call_unreadable"
    title = "The model's call of a tool cannot be read"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Something a model may ask for. `parameters`: the JSON schema of its arguments, an object."""

    name: str
    description: str
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})

    def as_field(self) -> dict[str, Any]:
        """For the request's `tools`."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters}
        return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A model's wish to have a tool called. `arguments` is JSON, as the model wrote it."""

    call_id: str
    name: str
    arguments: str
    signature: str | None = None
    """What Gemini wants back with the call, unread, so that it can go on with its thoughts."""

    def parsed(self) -> dict[str, Any]:
        """The arguments. Raises ToolCallUnreadable."""
        try:
            return msgspec.json.decode(self.arguments or "{}", type=dict[str, Any])
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ToolCallUnreadable(f"The arguments of {self.name[:64]!r} are no JSON object.") from error

    def as_field(self) -> dict[str, Any]:
        """For an assistant message's `tool_calls`."""
        function = {"name": self.name, "arguments": self.arguments}
        call: dict[str, Any] = {"id": self.call_id, "type": "function", "function": function}
        return call | ({"extra_content": extra_content(self.signature)} if self.signature else {})


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool answered, for the model to read."""

    call_id: str
    content: str

    def as_message(self) -> dict[str, Any]:
        """For the request's `messages`, after the assistant message with the call."""
        return {"role": "tool", "tool_call_id": self.call_id, "content": self.content}


def extra_content(signature: str) -> dict[str, Any]:
    """Where Google's own OpenAI-compatible endpoint keeps a signature."""
    return {"google": {"thought_signature": signature}}


def signature_of(call: Mapping[str, Any]) -> str | None:
    """The signature of a field of `tool_calls`, if it has one."""
    found: Any = call.get("extra_content")
    for name in ("google", "thought_signature"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else None
