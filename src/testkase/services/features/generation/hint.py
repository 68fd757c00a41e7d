"""How good a requirement is to generate from, and what would make it better (R68): fewer attempts, fewer credits."""

import re
from dataclasses import dataclass
from typing import Literal

from testkase.services.features.generation.requirement import Reading, read_requirement

Level = Literal["weak", "fair", "good", "strong"]

_SHORT_WORDS = 12
_VAGUE = re.compile(
    r"\b(fast|quick(?:ly)?|easy|easily|user[- ]friendly|intuitive|robust|etc|and so on|as appropriate|properly|nicely|"
    r"some)\b",
    re.IGNORECASE,
)
_DONE = r"(?:shown|sent|created|saved|refused|rejected|released|redirected|locked)"
_OUTCOME = re.compile(
    rf"\b(should|must|shall|sees?|shows?|displays?|receives?|gets?|is {_DONE}|are {_DONE}|error|message)\b",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"\b(cannot|can't|must not|may not|not allowed|refused?|rejects?|rejected|invalid|expired|error|fails?|only)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A level, and what to add, the most useful first."""

    level: Level
    tips: tuple[str, ...]


def quality_hint(requirement: str) -> Hint:
    """Judge a requirement by what test cases are made of: an actor, an outcome, limits, and what must not happen."""
    reading = read_requirement(requirement)
    words = len(requirement.split())
    missing = tuple(_missing(requirement, reading, words))
    vague = sorted({match.lower() for match in _VAGUE.findall(requirement)})
    if vague:
        missing += (f"Say what “{vague[0]}” means in figures or in what is seen.",)
    return Hint(level=_level(words, len(missing)), tips=missing[:3])


def _missing(requirement: str, reading: Reading, words: int) -> list[str]:
    tips = []
    if words < _SHORT_WORDS:
        tips.append("Write two or three sentences: one line leaves too much to guess.")
    if not reading.roles:
        tips.append("Name who acts: a customer, a member, an administrator.")
    if not _OUTCOME.search(requirement):
        tips.append("Say what the person should see or get at the end.")
    if not reading.limits:
        tips.append("Name limits with numbers and units, such as 30 minutes or 10 MB: they become boundary cases.")
    if not _REFUSED.search(requirement):
        tips.append("Say what is refused, and with which message: it becomes the negative cases.")
    return tips


def _level(words: int, missing: int) -> Level:
    if words < _SHORT_WORDS // 2 or missing >= 4:
        return "weak"
    levels: tuple[Level, ...] = ("strong", "good", "fair", "fair")
    return levels[missing]
