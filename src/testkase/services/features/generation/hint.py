"""How good a requirement is to generate from, and what would make it better (R68): fewer attempts, fewer credits."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from testkase.services.features.generation.model import ORDINARY_KINDS
from testkase.services.features.generation.requirement import Reading, read_requirement
from testkase.services.workspace.model import CaseKind

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

_PROTECTED = re.compile(
    r"\b(passwords?|tokens?|secrets?|private|confidential|personal|encrypt\w*|attack\w*|inject\w*|scripts?|"
    r"other users?|somebody else|own data|protect\w*|log(?:ged|s)?|audit\w*)\b",
    re.IGNORECASE,
)
_ACCESSIBLE = re.compile(
    r"\b(keyboard|screen ?readers?|focus|contrast|zoom|labels?|captions?|wcag|aria|alt(?:ernative)? texts?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hint:
    """A level, and what to add, the most useful first."""

    level: Level
    tips: tuple[str, ...]


def quality_hint(requirement: str, kinds: tuple[CaseKind, ...] = ()) -> Hint:
    """Judge a requirement by what test cases are made of: an actor, an outcome, and what the kinds asked for need."""
    reading = read_requirement(requirement)
    words = len(requirement.split())
    missing = tuple(_missing(requirement, reading, words, kinds or ORDINARY_KINDS))
    vague = sorted({match.lower() for match in _VAGUE.findall(requirement)})
    if vague:
        missing += (f"Say what “{vague[0]}” means in figures or in what is seen.",)
    return Hint(level=_level(words, len(missing)), tips=missing[:3])


def _missing(requirement: str, reading: Reading, words: int, kinds: tuple[CaseKind, ...]) -> Iterator[str]:
    if words < _SHORT_WORDS:
        yield "Write two or three sentences: one line leaves too much to guess."
    if not reading.roles:
        yield "Name who acts: a customer, a member, an administrator."
    if not _OUTCOME.search(requirement):
        yield "Say what the person should see or get at the end."
    if "boundary" in kinds and not reading.limits:
        yield "Name limits with numbers and units, such as 30 minutes or 10 MB: they become boundary cases."
    if "negative" in kinds and not _REFUSED.search(requirement):
        yield "Say what is refused, and with which message: it becomes the negative cases."
    if kinds != ORDINARY_KINDS:
        yield from _wanting(requirement, reading, kinds)


def _wanting(requirement: str, reading: Reading, kinds: tuple[CaseKind, ...]) -> Iterator[str]:
    """What kinds need that somebody chose on purpose."""
    if "permission" in kinds and not any(rule.exclusive or not rule.allowed for rule in reading.rules):
        yield "Say who may not: “Only administrators can …” becomes a permission case."
    if "security" in kinds and not _PROTECTED.search(requirement):
        yield "Say what must be protected, and from whom: it becomes the security cases."
    if "accessibility" in kinds and not _ACCESSIBLE.search(requirement):
        yield "Say how it is used without a mouse or without sight, such as by keyboard or screen reader."


def _level(words: int, missing: int) -> Level:
    if words < _SHORT_WORDS // 2 or missing >= 4:
        return "weak"
    levels: tuple[Level, ...] = ("strong", "good", "fair", "fair")
    return levels[missing]
