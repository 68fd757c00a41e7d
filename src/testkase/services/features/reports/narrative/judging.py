"""What the model's text must be before a person sees it."""

import re
from collections.abc import Iterator
from typing import Annotated

import msgspec

from testkase.services.features.judging import loops, tidy
from testkase.services.features.reports.model import Facts, Item, Narrative, Recommendation
from testkase.services.features.reports.narrative.figures import Unfounded, rendered
from testkase.services.features.reports.narrative.schema import MOST_ADVICE, WHOLE

LONGEST_SUMMARY, LONGEST_ADVICE = 1_200, 500
_SHORTEST = 15
_QUOTED_WORDS = 5
"""So many words of a title in a row are a quotation: a title may claim or command, and must not speak in the text."""

_MARKUP = re.compile(r"https?:|www\.|[<>\[\]|`]|\S@\S|[{}]|\*\*")
_ALL_WELL = re.compile(
    r"\b(?:ready (?:for|to) (?:release|ship|go)|safe to (?:release|ship)|can be (?:released|shipped)|good to go|"
    r"is ready\b|go ahead with the release|release it|ship it|nothing (?:stands in the way|to do)|"
    r"no (?:blockers|failures|risks?)\b|(?:all|every|each)(?: of)?(?: the)? (?:tests?|cases?) pass|nothing failed|"
    r"everything (?:is|looks) (?:fine|good|well|in order))",
    re.IGNORECASE,
)
_DENIED = re.compile(r"\b(?:not|never|no longer|before|until|cannot|hardly|nor|far from|isn't|unless)\b", re.IGNORECASE)


class Answer(msgspec.Struct, frozen=True):
    """What a large model writes."""

    summary: str
    recommendations: tuple["Advice", ...]


class Advice(msgspec.Struct, frozen=True):
    about: str
    text: str


class SmallAnswer(msgspec.Struct, frozen=True):
    """What a small model writes: one sentence."""

    text: Annotated[str, msgspec.Meta(max_length=400)]


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of an answer, and what was wrong with it. `narrative` None: nothing that may be shown."""

    narrative: Narrative | None
    objections: list[str]


def judge_large(answer: str, facts: Facts) -> Judged:
    """A whole answer. Advice that is refused is left out; without a summary that holds, nothing is left."""
    try:
        written = msgspec.json.decode(answer, type=Answer)
    except msgspec.MsgspecError:
        return Judged(narrative=None, objections=["The answer was not JSON of the schema."])
    objections: list[str] = []
    summary = _checked(written.summary, facts, LONGEST_SUMMARY, objections)
    items = {item.id: item for item in facts.items}
    advice = []
    for one in written.recommendations[:MOST_ADVICE]:
        text = _checked(one.text, facts, LONGEST_ADVICE, objections)
        if one.about != WHOLE and one.about not in items:
            objections.append("A recommendation is about something the facts do not have.")
        elif text is not None:
            advice.append(_advice(items.get(one.about), text))
    narrative = Narrative(summary=summary, recommendations=tuple(advice)) if summary is not None else None
    return Judged(narrative=narrative, objections=objections)


def judge_small(answer: str, facts: Facts) -> str | None:
    """A small model's sentence; None when it may not be shown."""
    try:
        written = msgspec.json.decode(answer, type=SmallAnswer)
    except msgspec.MsgspecError:
        return None
    if loops(written.text):
        return None
    return _checked(written.text, facts, LONGEST_ADVICE, [])


def advice_on(facts: Facts, number: int, text: str) -> Recommendation:
    """A small model's sentence about the thing it was told of."""
    return _advice(facts.items[number] if facts.items else None, text)


def _advice(item: Item | None, text: str) -> Recommendation:
    return Recommendation(item.name, text, item.case_key) if item else Recommendation("", text)


def _checked(text: str, facts: Facts, longest: int, objections: list[str]) -> str | None:
    """The text with its figures written out, or None with the reason among the objections."""
    plain = tidy(text)
    try:
        found = rendered(plain, facts)
    except Unfounded as unfounded:
        objections.append(str(unfounded))
        return None
    complaint = next(_complaints(plain, found, facts, longest), None)
    if complaint is None:
        return found
    objections.append(complaint)
    return None


def _complaints(plain: str, found: str, facts: Facts, longest: int) -> Iterator[str]:
    if len(found) < _SHORTEST:
        yield "A text is too short to say anything."
    if len(found) > longest:
        yield "A text is too long. Write fewer sentences."
    if _MARKUP.search(re.sub(r"\{\s*[FC]\d+\s*\}", "", plain)):
        yield "Plain sentences only: no markup, no links, no addresses."
    if _quotes(plain, facts):
        yield "Do not quote titles. Name a case or folder by its id."
    if facts.verdict in ("not ready", "at risk") and _says_all_is_well(plain):
        yield f"The verdict is: {facts.verdict}. Agree with it."


def _quotes(text: str, facts: Facts) -> bool:
    said = f" {' '.join(_words(text))} "
    for item in facts.items:
        words = _words(item.title or item.name)
        runs = (words[at : at + _QUOTED_WORDS] for at in range(max(len(words) - _QUOTED_WORDS + 1, 0)))
        if any(f" {' '.join(run)} " in said for run in runs):
            return True
    return False


def _says_all_is_well(text: str) -> bool:
    """A sentence that calls the release ready and denies nothing."""
    sentences = re.split(r"(?<=[.!?])\s+", text)
    return any(_ALL_WELL.search(one) and not _DENIED.search(one) for one in sentences)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
