"""Passing a chat completion on, byte for byte, and taking note of what it says."""

from collections.abc import Iterable

from testkase.services.inference.providers.calling.dialect import Reported
from testkase.services.inference.providers.calling.failures import UNREADABLE
from testkase.services.inference.providers.openai_compatible.reading import DECODER, Reading

DONE = b"[DONE]"


class PassedOn:
    """What the provider says is what the caller gets; only a usage event it did not ask for is kept back."""

    def __init__(self, *, show_usage: bool) -> None:
        self.heard = Reading()
        self._show_usage = show_usage

    def whole(self, content: bytes) -> bytes:
        answer = DECODER.decode(content)
        if answer.error is not None and not answer.choices:
            raise Reported(answer.error)
        self.heard.take(answer)
        if answer.choices:  # a whole body with a choice is an answer, whatever its server says of how it ended
            self.heard.finish_reasons.setdefault(0, "stop")
        return content

    def event(self, payload: bytes) -> Iterable[bytes]:
        if payload == DONE:
            return (payload,)
        try:
            event = DECODER.decode(payload)
        except UNREADABLE:
            return (payload,)  # not ours to judge: the caller gets what the provider said
        if event.error is not None:
            raise Reported(event.error)
        self.heard.take(event)
        return (payload,) if self._show_usage or event.usage is None or event.choices else ()

    def ending(self) -> Iterable[bytes]:
        return ()
