"""What code can read in a requirement: its sentences, limits with units, roles, and who may do what.

No model is asked. A number the model would get wrong, and a role it would invent, come from here.
"""

import re
from dataclasses import dataclass
from typing import Literal

Bound = Literal["at_least", "at_most", "threshold"]

_UNIT = (
    r"seconds?|minutes?|hours?|days?|weeks?|months?|years?|characters?|letters?|digits?|words?|items?|files?|users?|"
    r"attempts?|times|rows?|pages?|kb|mb|gb|%|percent|dollars?|euros?|points?|credits?"
)
_LIMIT = re.compile(
    rf"(?P<lead>(?:\b[\w'-]+\s+){{0,4}})(?P<money>[$€£])?(?P<number>\d{{1,3}}(?:,\d{{3}})+|\d{{1,9}})(?![\d.]*\d)"
    rf"\s*(?:-\s*)?(?P<unit>(?:{_UNIT})\b|%|(?:[a-z][a-z-]*\s+){{0,2}}[a-z][a-z-]*s\b)?",
    re.IGNORECASE,
)
_AT_LEAST = re.compile(
    r"\b(at least|minimum|no fewer|not less|no less|or more|fewer than|less than the minimum)\b", re.IGNORECASE
)
_AT_MOST = re.compile(
    r"\b(at most|up to|maximum|no more|not more|no longer|within|limit(?:ed)? (?:of|to)|exceeds?|more than|longer than|"
    r"larger than|greater than|over)\b",
    re.IGNORECASE,
)
ROLES = (
    "project administrator", "project admin", "organization owner", "super admin", "administrator", "admin", "owner",
    "manager", "moderator", "editor", "reviewer", "approver", "viewer", "auditor", "member", "guest", "customer",
    "seller", "buyer", "agent", "operator", "supervisor", "employee", "teacher", "student", "patient", "doctor",
    "visitor", "subscriber", "shopper", "applicant", "tester", "user",
)  # fmt: skip
_ROLE = rf"(?:{'|'.join(ROLES)})s?"
_ONLY = re.compile(
    rf"\bonly\s+(?:the\s+|an?\s+|)(?P<role>(?:[a-z]+ )?{_ROLE})(?:\s*(?:,|and|or)\s*(?:the\s+|an?\s+)?{_ROLE})*\s+"
    r"(?:can|may|must be able to|should be able to|is allowed to|are allowed to)\s+(?P<what>[^.;,]+)",
    re.IGNORECASE,
)
_CANNOT = re.compile(
    rf"\b(?P<role>{_ROLE})\s+(?:cannot|can not|can't|may not|must not)\s+(?P<what>[^.;,]+)", re.IGNORECASE
)
_CAN = re.compile(
    rf"\b(?P<role>{_ROLE})\s+(?:can|may|must be able to|should be able to|is able to|wants? to|is allowed to)\s+"
    r"(?P<what>(?!be\b|not\b|only\b)[^.;,]+)",
    re.IGNORECASE,
)
_STORY = re.compile(
    rf"\bas an? (?P<role>{_ROLE})\s*,?\s*I (?:want|need|would like) to\s+(?P<what>[^.;,]+)", re.IGNORECASE
)
_FORBIDDEN = re.compile(
    r"(?:^|[.;!?]\s+)(?P<what>(?:(?:the|an?|two|these|no)\s+)?[\w-]+(?:\s+[\w-]+)?\s+"
    r"(?:cannot|can not|can't|must not|may not|must never)\s+[^.;,]{3,60})",
    re.IGNORECASE,
)
_ITEM = re.compile(r"[.;,]?\s*\n\s*[-*•]\s+")
"""The beginning of an item of a list: what stands before it is another sentence, with or without a full stop."""
_ASKS_FOR_INPUT = re.compile(
    r"\b(enter|type|field|form|passwords?|name|e-?mail|codes?|upload|files?|sign|log|search|fill|select|choose|create|add|"
    r"edit|invite|apply|import|pay|payments?|card|address|comments?|orders?|book|transfer|amount|date)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A number that decides something."""

    number: int
    unit: str
    bound: Bound
    money: str = ""

    def text(self, number: int) -> str:
        """The number in its unit, as the requirement writes it: "31 minutes", "$50", "1 character"."""
        unit = self.unit[:-1] if number == 1 and self.unit.endswith("s") and not self.unit.endswith("ss") else self.unit
        space = "" if unit in ("%", "") else " "
        return f"{self.money}{number:,}{space}{unit}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Someone may, or may not, do something."""

    role: str
    what: str
    allowed: bool
    exclusive: bool
    """Nobody else may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A requirement as code understands it."""

    sentences: tuple[str, ...]
    limits: tuple[Limit, ...]
    rules: tuple[Rule, ...]
    roles: tuple[str, ...]
    prohibitions: tuple[str, ...]
    """What cannot be done by anybody: "Codes cannot be combined"."""
    takes_input: bool


def read_requirement(text: str) -> Reading:
    """Read a requirement of any length; what is not understood is simply not there."""
    plain = re.sub(r"\s+", " ", _ITEM.sub(". ", text)).strip()
    return Reading(
        sentences=tuple(part.strip() for part in re.split(r"(?<=[.!?])\s+|\s*\n\s*[-*•]?\s*", text) if part.strip()),
        limits=_limits(plain),
        rules=_rules(plain),
        prohibitions=tuple(
            clause
            for match in _FORBIDDEN.finditer(plain)
            if not re.search(_ROLE, clause := _clause(match["what"]), re.IGNORECASE)
        ),
        takes_input=bool(_ASKS_FOR_INPUT.search(plain)),
        roles=tuple(dict.fromkeys(singular(match) for match in re.findall(rf"\b({_ROLE})\b", plain, re.IGNORECASE))),
    )


def singular(role: str) -> str:
    """ "Administrators" → "administrator"."""
    lowered = role.lower()
    return lowered[:-1] if lowered.endswith("s") and lowered[:-1] in ROLES else lowered


def with_article(noun: str) -> str:
    """ "administrator" → "an administrator"."""
    return f"{'an' if noun[:1] in 'aeio' else 'a'} {noun}"


def _limits(text: str) -> tuple[Limit, ...]:
    found: dict[tuple[int, str], Limit] = {}
    for match in _LIMIT.finditer(text):
        unit, money = _unit(match["unit"] or ""), match["money"] or ""
        number = int(match["number"].replace(",", ""))
        if not unit and not money:
            continue  # a bare number is a version, a year or a label as often as a limit
        around = match["lead"] + text[match.end() : match.end() + 12]
        found.setdefault((number, unit), Limit(number=number, unit=unit, bound=_bound(around), money=money))
    return tuple(found.values())


def _unit(unit: str) -> str:
    """A unit without the verb or preposition a greedy reading may have caught."""
    words = unit.lower().split()
    stop = {"is", "as", "was", "has", "its", "this", "does", "and", "or", "of", "in", "for", "the", "to", "a", "an"}
    kept: list[str] = []
    for word in words:
        if word in stop:
            break
        kept.append(word)
    text = " ".join(kept)
    return text.upper() if text in ("kb", "mb", "gb") else text


def _bound(around: str) -> Bound:
    if _AT_LEAST.search(around):
        return "at_least"
    return "at_most" if _AT_MOST.search(around) else "threshold"


def _rules(text: str) -> tuple[Rule, ...]:
    found: dict[tuple[str, str], Rule] = {}
    for pattern, allowed, exclusive in (
        (_STORY, True, False),
        (_ONLY, True, True),
        (_CANNOT, False, False),
        (_CAN, True, False),
    ):
        for match in pattern.finditer(text):
            role, what = singular(match["role"]), _clause(match["what"])
            if len(what) >= 3 and what not in {key[1] for key in found}:
                found[role, what] = Rule(role=role, what=what, allowed=allowed, exclusive=exclusive)
    return tuple(found.values())


def _clause(text: str) -> str:
    """The beginning of a clause that names the action, without a tail that names another."""
    return re.split(r"\s+(?:but|unless|while|whereas|so that|and only)\s+", text.strip())[0][:80].strip()
