"""A generateContent answer as a chat completion. A chunk and a whole answer have one form."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from testkase.foundation.ids import new_id
from testkase.services.inference.providers.calling.dialect import Malformed, Reported
from testkase.services.inference.providers.calling.failures import UNREADABLE
from testkase.services.inference.providers.calling.heard import text_bytes
from testkase.services.inference.providers.gemini.usage import normalise
from testkase.services.inference.providers.translating.completion import DONE, Delta, Writer, call_begins

FILTERED = frozenset({
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
})  # fmt: skip
UNFINISHED = (None, "", "FINISH_REASON_UNSPECIFIED")


class GeminiInterpreter:
    """Understands one answer of one candidate."""

    def __init__(self, *, show_usage: bool) -> None:
        self._writer = Writer()
        self.heard = self._writer.heard
        self._show_usage = show_usage
        self._calls = 0
        self._begun = False

    def whole(self, content: bytes) -> bytes:
        answer = _DECODER.decode(content)
        deltas = list(self._understood(answer))
        reason = self._finish(answer)
        return self._writer.whole(deltas, reason)

    def event(self, payload: bytes) -> Iterator[bytes]:
        try:
            answer = _DECODER.decode(payload)
        except UNREADABLE:
            return  # nothing of it could be told to the caller
        for delta in self._understood(answer):
            yield self._writer.chunk(delta if self._begun else {"role": "assistant"} | delta)
            self._begun = True
        if reason := self._finish(answer):
            yield self._writer.chunk({}, reason)

    def ending(self) -> Iterable[bytes]:
        return (self._writer.usage(), DONE) if self._show_usage else (DONE,)

    def _understood(self, answer: dict[str, Any]) -> Iterator[Delta]:
        if answer.get("error") is not None:
            raise Reported(answer["error"])
        self.heard.upstream_id = str(answer.get("responseId") or self.heard.upstream_id or "")[:128] or None
        self._writer.model = str(answer.get("modelVersion") or self._writer.model)
        self._count(answer.get("usageMetadata"))
        parts = _object(_candidate(answer).get("content")).get("parts")
        for part in parts if isinstance(parts, list) else ():
            yield from self._part(_object(part))

    def _count(self, usage: Any) -> None:
        tokens, flags = normalise(usage)
        if usage is not None:
            self.heard.flags.difference_update(("malformed_usage", "contradictory_usage"))  # the last figures count
            self.heard.flags.update(flags)
        self.heard.tokens = tokens or self.heard.tokens

    def _part(self, part: dict[str, Any]) -> Iterator[Delta]:
        text, call = part.get("text"), _object(part.get("functionCall"))
        if isinstance(text, str) and text:
            self.heard.text_bytes += text_bytes(text)
            yield {"reasoning_content" if part.get("thought") is True else "content": text}
        if call:
            index, self._calls = self._calls, self._calls + 1
            name = str(call.get("name") or "")
            arguments = msgspec.json.encode(_object(call.get("args"))).decode()
            self.heard.text_bytes += text_bytes([name, arguments])
            signature = part.get("thoughtSignature")
            yield call_begins(
                index,
                str(call.get("id") or new_id("call")),
                name,
                arguments=arguments,
                signature=signature if isinstance(signature, str) else None,
            )

    def _finish(self, answer: dict[str, Any]) -> str | None:
        """Only a reason says that the answer is complete; a prompt that is blocked is answered by that alone. Raises
        Malformed."""
        reason = _candidate(answer).get("finishReason")
        if reason is not None and not isinstance(reason, str):
            raise Malformed("finishReason is no text")
        if reason in UNFINISHED:
            if not _object(answer.get("promptFeedback")).get("blockReason"):
                return None
            reason = "SAFETY"
        finished = "stop"
        if reason in FILTERED:
            finished = "content_filter"
        elif reason == "MAX_TOKENS":
            finished = "length"
        elif self._calls:
            finished = "tool_calls"
        self.heard.finish_reasons[0] = finished
        return finished


_DECODER = msgspec.json.Decoder(dict[str, Any])


def _candidate(answer: dict[str, Any]) -> dict[str, Any]:
    candidates = answer.get("candidates")
    return _object(candidates[0]) if isinstance(candidates, list) and candidates else {}


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
