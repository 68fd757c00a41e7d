"""The messages of a chat completion as turns: instructions apart, tool calls with arguments read, results together."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from testkase.foundation.problems import InvalidInput
from testkase.services.inference.problems import UnsupportedParameter
from testkase.services.inference.shapes import too_much_in
from testkase.services.inference.tools import ToolCall, ToolCallUnreadable, ToolResult, signature_of


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedResult(ToolResult):
    """A tool's result, and which tool's it is."""

    name: str


@dataclass(slots=True, kw_only=True)
class Turn:
    """What one side says: a user's text and results of tools, or the model's text and calls."""

    role: Literal["user", "assistant"]
    texts: list[str] = field(default_factory=list)
    calls: list[ToolCall] = field(default_factory=list)
    results: list[NamedResult] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """`instructions`: system and developer messages, joined."""

    instructions: str
    turns: tuple[Turn, ...]

    @property
    def uses_tools(self) -> bool:
        """Whether the model has called a tool already."""
        return any(turn.calls for turn in self.turns)


def read_conversation(messages: Sequence[Mapping[str, Any]]) -> Conversation:
    """Raises InvalidInput naming the message that cannot be understood, UnsupportedParameter for an unknown role."""
    _check_arguments(messages)
    instructions: list[str] = []
    turns: list[Turn] = []
    names: dict[str, str] = {}  # of the tools called so far, by id; a model may use an id again
    for index, message in enumerate(messages):
        place, role = f"messages[{index}]", message.get("role")
        text = _text(message.get("content"))
        if role in ("system", "developer"):
            instructions.append(text)
        elif role == "user":
            _turn(turns, "user").texts.append(text)
        elif role == "assistant":
            calls = list(_calls(message.get("tool_calls"), place))
            names.update((call.call_id, call.name) for call in calls)
            turn = _turn(turns, "assistant")
            turn.texts += [text] if text else []
            turn.calls += calls
        elif role == "tool":
            _turn(turns, "user").results.append(_result(message, text, names, place))
        else:
            raise UnsupportedParameter(f"There is no role {role!r:.40} for this model.", field=f"{place}.role")
    if not turns:
        raise InvalidInput("There must be a message of the user.", field="messages")
    return Conversation(instructions="\n\n".join(filter(None, instructions)), turns=tuple(turns))


def _check_arguments(messages: Sequence[Mapping[str, Any]]) -> None:
    """They are JSON inside JSON, of which nobody has counted yet what it holds. Raises InvalidInput."""
    written = [arguments for message in messages for arguments in _arguments(message.get("tool_calls"))]
    if written and (too_much := too_much_in("\n".join(written).encode("utf-8", "replace"))):
        raise InvalidInput(
            f"The arguments of the tools called hold {too_much} together. Leave out older calls and their results.",
            field="messages",
        )


def _arguments(calls: Any) -> Iterator[str]:
    for call in calls or ():
        function = call.get("function") if isinstance(call, Mapping) else None
        arguments = function.get("arguments") if isinstance(function, Mapping) else None
        if isinstance(arguments, str):
            yield arguments


def _turn(turns: list[Turn], role: Literal["user", "assistant"]) -> Turn:
    """The turn that is going on, or a new one: providers want both sides to alternate."""
    if not turns or turns[-1].role != role:
        turns.append(Turn(role=role))
    return turns[-1]


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else ()
    return "\n".join(str(part.get("text") or part.get("refusal") or "") for part in parts if isinstance(part, Mapping))


def _calls(value: Any, place: str) -> Iterator[ToolCall]:
    for call in value or ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(call.get("id"), str):
            raise InvalidInput("A tool call needs an id and a function.", field=f"{place}.tool_calls")
        arguments = function.get("arguments")
        made = ToolCall(
            call_id=call["id"],
            name=str(function.get("name")),
            arguments=arguments if isinstance(arguments, str) else "{}",
            signature=signature_of(call),
        )
        try:
            made.parsed()
        except ToolCallUnreadable as error:
            raise InvalidInput(error.detail, field=f"{place}.tool_calls") from error
        yield made


def _result(message: Mapping[str, Any], text: str, names: Mapping[str, str], place: str) -> NamedResult:
    call_id = message.get("tool_call_id")
    if not isinstance(call_id, str) or call_id not in names:
        raise InvalidInput("No message before it has that tool call.", field=f"{place}.tool_call_id")
    return NamedResult(call_id=call_id, content=text, name=names[call_id])
