"""What is read of an answer while its bytes pass through: usage, the finish reason, how much text there was.

No text is kept. Structs name only the fields that are read, so that decoding skips the rest.
"""

from typing import Any

import msgspec

from testkase.core.ledger.terms import Tokens
from testkase.services.inference.providers.openai_compatible.usage import normalise


class Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class ToolCall(msgspec.Struct):
    function: Function | None = None


class Said(msgspec.Struct):
    """A `delta` of a stream or the `message` of a whole answer."""

    content: Any = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] | None = None
    function_call: Function | None = None


class Choice(msgspec.Struct):
    index: int = 0
    delta: Said | None = None
    message: Said | None = None
    finish_reason: str | None = None


class Answer(msgspec.Struct):
    """A chunk of a stream or a whole answer."""

    id: str | None = None
    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None


DECODER = msgspec.json.Decoder(Answer)


class Reading:
    """Adds up what passes by."""

    def __init__(self) -> None:
        self.tokens: Tokens | None = None
        self.flags: set[str] = set()
        self.text_bytes = 0
        self.refusal_bytes = 0
        self.upstream_id: str | None = None
        self.finish_reasons: dict[int, str] = {}

    def take(self, answer: Answer) -> None:
        """One chunk, or the whole answer. Usage is overwritten, never added: running figures are cumulative."""
        if answer.id:
            self.upstream_id = answer.id[:128]
        for choice in answer.choices or ():
            if choice.finish_reason:
                self.finish_reasons[choice.index] = choice.finish_reason
            said = choice.delta or choice.message
            if said is not None:
                self._count(said)
        if answer.usage is not None:
            tokens, flags = normalise(answer.usage)
            self.flags.update(flags)
            self.tokens = tokens or self.tokens

    def finished(self, choices: int) -> bool:
        """Whether every choice has said why it ended."""
        return len(self.finish_reasons) >= choices

    @property
    def refused(self) -> bool:
        """The model declined, or the provider's filter struck out everything: nothing of use was delivered."""
        filtered = bool(self.finish_reasons) and set(self.finish_reasons.values()) == {"content_filter"}
        return not self.text_bytes and (self.refusal_bytes > 0 or filtered)

    def _count(self, said: Said) -> None:
        calls = [call.function for call in said.tool_calls or ()] + [said.function_call]
        pieces = [said.reasoning_content or said.reasoning, *(_spoken(said.content))]
        for function in calls:
            if function is not None:
                pieces += [function.name, function.arguments]
        self.text_bytes += sum(len(piece.encode("utf-8", "replace")) for piece in pieces if piece)
        self.refusal_bytes += len((said.refusal or "").encode("utf-8", "replace"))


def _spoken(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    if isinstance(content, list):
        return [part["text"] for part in content if isinstance(part, dict) and isinstance(part.get("text"), str)]
    return []
