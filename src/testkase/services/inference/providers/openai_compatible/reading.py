"""What is read of an answer while its bytes pass through: usage, the finish reason, how much text there was.

No text is kept. Structs name only the fields that are read, so that decoding skips the rest; fields servers disagree on
are `Any`, so that an odd one costs only itself and not the count of everything beside it.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from testkase.core.ledger.terms import Tokens
from testkase.services.inference.providers.openai_compatible.usage import normalise


class Said(msgspec.Struct):
    """A `delta` of a stream or the `message` of a whole answer."""

    content: Any = None
    refusal: Any = None
    reasoning_content: Any = None
    reasoning: Any = None
    tool_calls: Any = None
    function_call: Any = None


class Choice(msgspec.Struct):
    index: Any = 0
    delta: Said | None = None
    message: Said | None = None
    finish_reason: Any = None


class Answer(msgspec.Struct):
    """A chunk of a stream or a whole answer."""

    id: Any = None
    choices: list[Choice] | None = None
    usage: Any = None
    error: Any = None


DECODER = msgspec.json.Decoder(Answer)
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding bytes of a provider can raise."""


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
            self.upstream_id = str(answer.id)[:128]
        for choice in answer.choices or ():
            if choice.finish_reason:
                index = choice.index if isinstance(choice.index, int) else 0
                self.finish_reasons[index] = str(choice.finish_reason)
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
        calls = said.tool_calls if isinstance(said.tool_calls, list) else ()
        functions = [call.get("function") for call in calls if isinstance(call, dict)] + [said.function_call]
        called = [(one.get("name"), one.get("arguments")) for one in functions if isinstance(one, dict)]
        for part in (said.content, said.reasoning_content or said.reasoning, called):
            self.text_bytes += _text_bytes(part)
        self.refusal_bytes += _text_bytes(said.refusal)


def _text_bytes(value: Any) -> int:
    """UTF-8 bytes of every string in the value, however it is packed; the types of parts are no text."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    return sum(_text_bytes(part) for part in _parts(value))


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from (part for name, part in value.items() if name != "type")
    elif isinstance(value, list | tuple):
        yield from value
