"""Test cases that say nearly the same as a draft: found by the share of word pairs they have in common.

The database narrows ten thousand cases down to a few dozen that share the draft's rarer words; only those are compared.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import msgspec

from testkase.foundation.database import Operation, Statement, named_statements
from testkase.services.workspace.content import folded, search_words
from testkase.services.workspace.model import CaseContent, Step

TWIN_PERCENT = 60
"""From here on two cases are called alike."""
MOST_WORDS = 8
"""Of a draft, that candidates are looked for by."""
MOST_CANDIDATES = 40
MOST_CASES = 20_000
"""Of a project, newest first, that are looked through."""

_SQL = named_statements("testkase.services.features.generation.sql", "twins.sql")
_SHORT = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """A case of the project, and how much of both it shares with the draft, in percent."""

    key: str
    likeness: int


def find_twin(org_id: int, project_id: int, content: CaseContent) -> Operation[Twin | None]:
    """The case most like this one, if any is like it enough. Needs the organization's tenant context."""
    words = _telling(content)
    if not words:
        return None
    params = {
        "org_id": org_id, "project_id": project_id, "words": words, "least": (len(words) + 1) // 2,
        "limit": MOST_CANDIDATES, "cases": MOST_CASES,
    }  # fmt: skip
    rows = yield Statement(_SQL["like_it"], params)
    own = pairs(content.title, content.steps)
    found = [
        Twin(key=row["key"], likeness=_percent(own, pairs(row["title"], _steps(row["steps"])))) for row in rows
    ]  # fmt: skip
    best = max(found, key=lambda twin: twin.likeness, default=None)
    return best if best is not None and best.likeness >= TWIN_PERCENT else None


def likeness(one: CaseContent, other: CaseContent) -> int:
    """How much two cases share, in percent of what both say."""
    return _percent(pairs(one.title, one.steps), pairs(other.title, other.steps))


def pairs(title: str, steps: Iterable[Step]) -> frozenset[tuple[str, str]]:
    """Title and steps as pairs of neighbouring words, without case and punctuation."""
    found: set[tuple[str, str]] = set()
    for text in (title, *(part for step in steps for part in (step.action, step.expected))):
        words = re.findall(r"\w+", folded(text))
        found.update(pairwise(words))
        if len(words) == 1:
            found.add((words[0], ""))
    return frozenset(found)


def _percent(one: frozenset[tuple[str, str]], other: frozenset[tuple[str, str]]) -> int:
    together = len(one | other)
    return len(one & other) * 100 // together if together else 0


def _telling(content: CaseContent) -> list[str]:
    """Its longest words as patterns for LIKE: long words are rare ones."""
    text = " ".join([content.title, *(step.action for step in content.steps)])
    words = set(re.findall(r"[^\W_]+", folded(text)))
    chosen = sorted({word for word in words if len(word) >= _SHORT} or words, key=lambda word: (-len(word), word))[
        :MOST_WORDS
    ]
    return search_words(" ".join(chosen)[:200])


def _steps(text: str) -> tuple[Step, ...]:
    return msgspec.json.decode(text, type=tuple[Step, ...])
