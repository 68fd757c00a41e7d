"""What was heard of an answer while it passed by: usage, why it ended, how much text there was. No text is kept."""

from typing import Any

from testkase.core.ledger.terms import Tokens


class Heard:
    """Adds up what passes by. Each provider's reader fills it in."""

    def __init__(self) -> None:
        self.tokens: Tokens | None = None
        """The provider's own figures so far; None where it has said nothing usable."""
        self.output_counted = True
        """Whether `tokens` counts the output too. Anthropic counts the prompt at the start and the answer at the end:
        of an answer that broke off between them, only the prompt is known."""
        self.flags: set[str] = set()
        self.text_bytes = 0
        """UTF-8 bytes of text, reasoning and tool calls."""
        self.refusal_bytes = 0
        self.upstream_id: str | None = None
        self.finish_reasons: dict[int, str] = {}

    def finished(self, choices: int) -> bool:
        """Whether every choice has said why it ended: the only proof that nothing is missing."""
        return len(self.finish_reasons) >= choices

    @property
    def refused(self) -> bool:
        """The model declined, or the provider's filter struck out everything: nothing of use was delivered."""
        filtered = bool(self.finish_reasons) and set(self.finish_reasons.values()) == {"content_filter"}
        return not self.text_bytes and (self.refusal_bytes > 0 or filtered)


def text_bytes(value: Any) -> int:
    """UTF-8 bytes of every string in the value, however it is packed; the types of parts are no text."""
    size, waiting = 0, [value]  # without recursion: JSON may be nested deeper than Python's stack
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            size += len(part.encode("utf-8", "replace"))
        elif isinstance(part, dict):
            waiting += (one for name, one in part.items() if name != "type")
        elif isinstance(part, list | tuple):
            waiting += part
    return size
