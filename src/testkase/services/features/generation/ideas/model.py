"""An idea, and how its title is put."""

from dataclasses import dataclass

from testkase.services.workspace.model import CaseKind, Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Idea:
    """One test case to be written. `key_step` and `expected` are how the decisive step and its outcome begin."""

    kind: CaseKind
    title: str
    hint: str
    """What the case is about, in a sentence for the model."""
    setup: str = "Open "
    key_step: str
    expected: str = "The "
    priority: Priority = "medium"


def interleaved(lists: list[list[Idea]]) -> tuple[Idea, ...]:
    """The first of each, then the second of each, …"""
    longest = max((len(one) for one in lists), default=0)
    return tuple(one[place] for place in range(longest) for one in lists if place < len(one))


def titled(text: str) -> str:
    """A text as a title: its first letter large, not too long."""
    return capital(text)[:200]


def capital(text: str) -> str:
    """Its first letter large."""
    return text[:1].upper() + text[1:]
