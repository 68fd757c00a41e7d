"""What is read of an answer while its bytes pass through: usage, the finish reason, how much text there was.

No text is kept. Structs name only the fields that are read, so that decoding skips the rest; fields servers disagree on
are `Any`, so that an odd one costs only itself and not the count of everything beside it.
"""

from typing import Any

import msgspec

from testkase.core.ledger.terms import Tokens
from testkase.services.inference.providers.calling.heard import Heard, text_bytes
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
NOTHING = Tokens()


class Reading(Heard):
    """What was heard of a chat completion."""

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
            self._overwrite(*normalise(answer.usage))

    def _overwrite(self, tokens: Tokens | None, flags: tuple[str, ...]) -> None:
        """Running figures never fall: zeros after others, which some servers close with, say nothing."""
        if tokens == NOTHING and self.tokens not in (None, NOTHING):
            tokens, flags = None, ("contradictory_usage",)
        if tokens is not None:
            self.tokens = tokens
            self.flags.difference_update(("malformed_usage", "contradictory_usage"))  # the last figures count
        self.flags.update(flags)

    def _count(self, said: Said) -> None:
        for part in (said.content, said.reasoning_content or said.reasoning, _called(said)):
            if part:
                self.text_bytes += text_bytes(part)
        if said.refusal:
            self.refusal_bytes += text_bytes(said.refusal)


def _called(said: Said) -> list[Any]:
    """Names and arguments of the tools the model calls; a tool of the caller's own form has an `input`."""
    if not said.tool_calls and not said.function_call:
        return []
    calls = said.tool_calls if isinstance(said.tool_calls, list) else ()
    called = [call.get(kind) for call in calls if isinstance(call, dict) for kind in ("function", "custom")]
    tools = [one for one in (*called, said.function_call) if isinstance(one, dict)]
    return [(one.get("name"), one.get("arguments"), one.get("input")) for one in tools]
