"""What a test case may say: tidied, bounded, and the words by which it is found."""

import unicodedata
from collections.abc import Iterable

import msgspec

from testkase.foundation.problems import InvalidInput
from testkase.foundation.text import in_one_line
from testkase.services.workspace.model import CaseContent, Step

MOST_STEPS = 100
MOST_TAGS = 20
LONGEST = {
    "title": 300, "preconditions": 4_000, "description": 10_000, "automation_id": 500, "step": 4_000, "tag": 40,
}  # fmt: skip
"""Characters."""
LONGEST_SEARCH = 60_000


def tidied(content: CaseContent) -> CaseContent:
    """The content as it is stored. Raises InvalidInput naming the field that cannot be."""
    steps = tuple(
        Step(action=_text(step.action, "step"), expected=_text(step.expected, "step"))
        for step in content.steps
        if step.action.strip() or step.expected.strip()
    )
    made = msgspec.structs.replace(
        content,
        title=_title(content.title),
        steps=steps,
        preconditions=_text(content.preconditions, "preconditions"),
        description=_text(content.description, "description"),
        automation_id=_line(content.automation_id, "automation_id"),
        tags=tidied_tags(content.tags),
    )
    _check(made)
    return made


def tidied_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Each tag once, whatever its case. Raises InvalidInput for one that is too long, or too many."""
    found: dict[str, str] = {}
    for tag in tags:
        line = _line(tag, "tag")
        if line:
            found.setdefault(folded(line), line)
    if len(found) > MOST_TAGS:
        raise InvalidInput(f"A test case takes at most {MOST_TAGS} tags.", field="tags")
    return tuple(found.values())


def folded(text: str) -> str:
    """Text in which case does not matter, in every alphabet: the database may know none beyond ASCII."""
    return unicodedata.normalize("NFKC", text).casefold()


def search_text(key: str, content: CaseContent) -> str:
    """All words by which a case is found."""
    parts = [key, content.title, *content.tags, content.automation_id, content.preconditions, content.description]
    parts += [part for step in content.steps for part in (step.action, step.expected)]
    return folded(" ".join(filter(None, parts)))[:LONGEST_SEARCH]


def search_words(text: str) -> list[str]:
    """What somebody typed into the search field, as patterns for LIKE: every word must be somewhere in the case."""
    words = folded(text.replace("\x00", "")[:200]).split()[:8]
    return [f"%{_literal(word)}%" for word in words]


def _literal(word: str) -> str:
    return word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _check(content: CaseContent) -> None:
    if not content.steps:
        raise InvalidInput("A test case needs at least one step.", field="steps")
    if len(content.steps) > MOST_STEPS:
        raise InvalidInput(f"A test case takes at most {MOST_STEPS} steps. Split it up.", field="steps")
    if any(not step.action for step in content.steps):
        raise InvalidInput("A step says what to do; an expected result alone is none.", field="steps")


def _title(text: str) -> str:
    title = in_one_line(text)
    if not 1 <= len(title) <= LONGEST["title"]:
        raise InvalidInput(f"A test case needs a title of 1 to {LONGEST['title']} characters.", field="title")
    return title


def _text(text: str, field: str) -> str:
    return _bounded(text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n").strip(), field)


def _line(text: str, field: str) -> str:
    return _bounded(in_one_line(text), field)


_FIELDS = {"step": "steps", "tag": "tags"}


def _bounded(text: str, field: str) -> str:
    if len(text) > LONGEST[field]:
        raise InvalidInput(
            f"{field.replace('_', ' ').capitalize()}: {len(text):,} characters are too many; {LONGEST[field]:,} fit.",
            field=_FIELDS.get(field, field),
        )
    return text
