"""What was heard of an answer while it passed by: usage, why it ended, how much text there was. No text is kept."""

from collections.abc import Iterator
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
    if isinstance(value, str):
        return len(value.encode("utf-8", "replace"))
    return sum(text_bytes(part) for part in _parts(value))


def _parts(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from (part for name, part in value.items() if name != "type")
    elif isinstance(value, list | tuple):
        yield from value
