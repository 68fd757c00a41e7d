"""Reading a streamed answer: its text as it grows, and its tool calls put together from their pieces."""

from typing import Any

import msgspec

from testkase.services.inference.problems import ProviderError
from testkase.services.inference.tools import ToolCall, signature_of


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    index: int = 0
    id: str | None = None
    function: _Function | None = None
    extra_content: Any = None


class _Delta(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []


_DECODER = msgspec.json.Decoder(_Chunk)


class Answer:
    """One answer of one choice. `take` every event of `MeteredCall.events()`; the rest can be read at any time.

    Raises ProviderError for an event that is no chunk: what passes through to a caller as it came may be anything.
    """

    def __init__(self) -> None:
        self.text = ""
        self.refusal = ""
        self.finish_reason: str | None = None
        """`stop`, `length`, `tool_calls` or `content_filter`; None while it goes on."""
        self._calls: dict[int, ToolCall] = {}

    def take(self, event: bytes) -> str:
        """The text this event adds; "" where it adds none."""
        if event == b"[DONE]":
            return ""
        added = ""
        for choice in _chunk(event).choices:
            self.finish_reason = choice.finish_reason or self.finish_reason
            if choice.delta is not None:
                added += choice.delta.content or ""
                self.refusal += choice.delta.refusal or ""
                for call in choice.delta.tool_calls or ():
                    self._add(call)
        self.text += added
        return added

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        """In the order the model made them. Complete once `finish_reason` is there."""
        return tuple(call for _, call in sorted(self._calls.items()))

    def as_message(self) -> dict[str, Any]:
        """The answer as a message of the conversation, for the next request."""
        message: dict[str, Any] = {"role": "assistant", "content": self.text or None}
        if self._calls:
            message["tool_calls"] = [call.as_field() for call in self.tool_calls]
        return message

    def _add(self, piece: _Call) -> None:
        known = self._calls.get(piece.index) or ToolCall(call_id="", name="", arguments="")
        function = piece.function or _Function()
        self._calls[piece.index] = ToolCall(
            call_id=known.call_id or piece.id or "",
            name=known.name + (function.name or ""),
            arguments=known.arguments + (function.arguments or ""),
            signature=known.signature or signature_of({"extra_content": piece.extra_content}),
        )


def _chunk(event: bytes) -> _Chunk:
    try:
        return _DECODER.decode(event)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ProviderError("The provider sent an event that is no chunk of a chat completion.", status=200) from error
