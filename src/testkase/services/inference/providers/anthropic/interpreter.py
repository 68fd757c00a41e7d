"""A message of Anthropic's as a chat completion. Events of kinds not named here pass without a trace."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from testkase.services.inference.providers.anthropic.usage import Usage
from testkase.services.inference.providers.calling.dialect import Malformed, Reported
from testkase.services.inference.providers.calling.failures import UNREADABLE
from testkase.services.inference.providers.calling.heard import text_bytes
from testkase.services.inference.providers.translating.completion import (
    DONE,
    Delta,
    Writer,
    call_begins,
    call_goes_on,
)

FINISHED_AS = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
"""Reasons to stop; any other is `stop`."""


class MessagesInterpreter:
    """Understands one message, streamed or whole."""

    def __init__(self, *, show_usage: bool) -> None:
        self._writer = Writer()
        self.heard = self._writer.heard
        self.heard.output_counted = False
        self._show_usage = show_usage
        self._usage = Usage()
        self._calls: dict[int | None, int] = {}
        """The place among the tool calls of each block that is one."""

    def whole(self, content: bytes) -> bytes:
        message = _DECODER.decode(content)
        if message.get("type") == "error":
            raise Reported(message.get("error"))
        self._begin(message)
        deltas: list[Delta] = []
        blocks = message.get("content")
        for index, block in enumerate(blocks if isinstance(blocks, list) else ()):
            deltas += self._block(index, block, whole=True)
        self._count_output(message.get("usage"))
        return self._writer.whole(deltas, self._finish(message.get("stop_reason")))

    def event(self, payload: bytes) -> Iterator[bytes]:
        try:
            event = _DECODER.decode(payload)
        except UNREADABLE:
            return  # nothing of it could be told to the caller
        for delta, reason in self._understood(event):
            yield self._writer.chunk(delta, reason)

    def ending(self) -> Iterable[bytes]:
        return (self._writer.usage(), DONE) if self._show_usage else (DONE,)

    def _understood(self, event: dict[str, Any]) -> Iterator[tuple[Delta, str | None]]:
        match event.get("type"):
            case "error":
                raise Reported(event.get("error"))
            case "message_start":
                self._begin(_object(event.get("message")))
                yield {"role": "assistant", "content": ""}, None
            case "content_block_start":
                for delta in self._block(event.get("index"), event.get("content_block"), whole=False):
                    yield delta, None
            case "content_block_delta":
                for delta in self._delta(event.get("index"), _object(event.get("delta"))):
                    yield delta, None
            case "message_delta":
                self._count_output(event.get("usage"))
                if reason := self._finish(_object(event.get("delta")).get("stop_reason")):
                    yield {}, reason

    def _begin(self, message: dict[str, Any]) -> None:
        self.heard.upstream_id = str(message.get("id") or "")[:128] or None
        self._writer.model = str(message.get("model") or "")
        self._usage.take(message.get("usage"))
        self._normalise()

    def _count_output(self, usage: Any) -> None:
        """The figures that come with the end: they count the answer."""
        self._usage.take(usage)
        self._normalise()
        self.heard.output_counted |= isinstance(usage, dict) and usage.get("output_tokens") is not None

    def _normalise(self) -> None:
        self.heard.tokens, flags = self._usage.normalised()
        self.heard.flags.difference_update(("malformed_usage", "contradictory_usage"))  # a later figure may settle it
        self.heard.flags.update(flags)

    def _finish(self, stop_reason: Any) -> str | None:
        """Only this says that the answer is complete. Raises Malformed."""
        if stop_reason is None or stop_reason == "":
            return None
        if not isinstance(stop_reason, str):
            raise Malformed("stop_reason is no text")
        reason = FINISHED_AS.get(stop_reason, "stop")
        self.heard.finish_reasons[0] = reason
        return reason

    def _block(self, index: Any, block: Any, *, whole: bool) -> Iterator[Delta]:
        """What a block begins with; where it is `whole`, that is all of it. Raises Malformed."""
        block = _object(block)
        if block.get("type") == "tool_use":
            place = self._calls[_checked(index)] = len(self._calls)
            name = str(block.get("name") or "")
            arguments = msgspec.json.encode(block.get("input") or {}).decode() if whole else ""
            self.heard.text_bytes += text_bytes([name, arguments])
            yield call_begins(place, str(block.get("id") or ""), name, arguments=arguments)
        else:
            yield from self._delta(index, block)

    def _delta(self, index: Any, delta: dict[str, Any]) -> Iterator[Delta]:
        for said, name in (("text", "content"), ("thinking", "reasoning_content")):
            text = delta.get(said)
            if isinstance(text, str) and text:
                self.heard.text_bytes += text_bytes(text)
                yield {name: text}
        arguments = delta.get("partial_json")
        if isinstance(arguments, str) and arguments and _checked(index) in self._calls:
            self.heard.text_bytes += text_bytes(arguments)
            yield call_goes_on(self._calls[index], arguments)


_DECODER = msgspec.json.Decoder(dict[str, Any])


def _checked(index: Any) -> int | None:
    """A block's place; servers that only ever send one may leave it out. Raises Malformed: taking another's place, a
    call would get arguments that are not its own."""
    if index is not None and type(index) is not int:
        raise Malformed("a block's index is no number")
    return index


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
