"""Figures in the model's text: written by code where the model named them, and found out where it made them up.

A text may hold `{F2}` and `{C1}`, the ids of figures and of things it was told of, which code replaces. Anything else
that says a quantity must be one of the figures as it is written; the text is refused otherwise.
"""

import re
import unicodedata
from collections.abc import Iterator

from testkase.services.features.reports.model import Facts

_ID = re.compile(r"\{\s*([FC]\d{1,3})\s*\}")
_KEY = re.compile(r"\b[A-Z][A-Z0-9]{1,9}-\d+\b")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*(?:\s*(?:%|per\s?cent\b|percent\b))?")
_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_VALUES = {word: value for value, word in enumerate(_SMALL)} | _TENS
_QUANTITY = re.compile(
    r"\b(hundreds?|thousands?|millions?|dozens?|half|halves|twice|thrice|doubled?|doubles|tripled?|triples|quarters?"
    r"|thirds|a third|two-thirds|percent|per cent|percentage points?)\b",
    re.IGNORECASE,
)
_WORD = re.compile(
    rf"\b(?:{'|'.join(_TENS)})(?:[\s-](?:{'|'.join(_SMALL[1:10])}))?\b|\b(?:{'|'.join(_SMALL)})\b", re.IGNORECASE
)
_PRONOUN = "one"
""" "This one" says no quantity; "one failure" and "only one" do."""
_ONE = re.compile(
    r"\b(?:only|just|exactly|than|least|most|about|over|under) one\b"
    r"|\bone (?:failures?|cases?|tests?|cycles?|folders?|pairs?|minute|hour|day|week|month|in)\b",
    re.IGNORECASE,
)


class Unfounded(Exception):  # noqa: N818 - an answer that is refused, not a fault of ours
    """The text says what the facts do not. Its message is for the model, and quotes nothing that people wrote."""


def rendered(text: str, facts: Facts) -> str:
    """The text with its figures and names written out. Raises Unfounded for one it was not given."""
    known = _known(facts)
    wrong = [one for one in _ID.findall(text) if one not in known]
    if wrong:
        raise Unfounded(f"There is no {{{wrong[0]}}}. Use only ids of the facts.")
    objection = next(_made_up(_ID.sub(" ", text), facts), None)
    if objection is not None:
        raise Unfounded(objection)
    return _ID.sub(lambda found: known[found[1]], text)


def preview(text: str, facts: Facts) -> str:
    """An unfinished text as it may be shown while it grows: known ids written out, any other digit masked."""
    known, parts, at = _known(facts), [], 0
    for found in _ID.finditer(text):
        parts += [_masked(text[at : found.start()]), known.get(found[1], "…")]
        at = found.end()
    rest = text[at:]
    opened = rest.rfind("{")
    return "".join([*parts, _masked(rest if opened < 0 or "}" in rest[opened:] else rest[:opened])])


def _known(facts: Facts) -> dict[str, str]:
    return {one.id: one.value for one in facts.figures} | {one.id: one.name for one in facts.items}


def _masked(text: str) -> str:
    return re.sub(r"\d", "·", text)


def _made_up(text: str, facts: Facts) -> Iterator[str]:
    """What is wrong with the figures of a text without its ids."""
    keys = {one.case_key for one in facts.items}
    text = _KEY.sub(lambda found: " " if found[0] in keys else found[0], text)
    values = {_plain(one.value) for one in facts.figures}
    for found in _NUMBER.finditer(text):
        if _plain(found[0]) not in values:
            yield f"The number {found[0].strip():.30} is not among the figures. Write the id of a figure instead."
    for letter in _NUMBER.sub(" ", text):
        if unicodedata.category(letter) in ("Nd", "Nl", "No"):
            yield "Write the ids of figures, not signs for numbers."
    for found in _WORD.finditer(text):
        if found[0].lower() != _PRONOUN and str(_value(found[0])) not in values:
            yield f'The number "{found[0].lower()}" is not among the figures. Write the id of a figure instead.'
    if "1" not in values and _ONE.search(text):
        yield 'The number "one" is not among the figures. Write the id of a figure instead.'
    if quantity := _QUANTITY.search(_NUMBER.sub(" ", text)):
        yield f'"{quantity[0].lower()}" says a quantity. Write the id of a figure instead.'


def _plain(number: str) -> str:
    """As figures are compared: "37%" and "37 percent" are "37 %"; a comma before three digits is no more than paint."""
    text = re.sub(r"\s*(%|per\s?cent|percent)$", " %", number.strip().rstrip(".,:"))
    return re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)


def _value(words: str) -> int:
    return sum(_VALUES[word] for word in re.split(r"[\s-]+", words.lower()))
