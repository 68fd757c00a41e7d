"""Test cases that say nearly the same: exact over all pairs, without comparing all pairs.

Two texts are as alike as the share of words they have in common (Jaccard). Words are ordered from the rarest to the
most frequent: two texts that share enough words share one among the first few of each (prefix filtering), so only those
that meet there are compared.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from fractions import Fraction

ALIKE = Fraction(4, 5)
MOST_PAIRS = 2_000_000
"""Comparisons of one report. A project whose cases are all made of the same words would need more: it is told so."""

_WORD = re.compile(r"\w+")


def words_of(text: str) -> frozenset[str]:
    """The words of a text, without case, order and punctuation."""
    return frozenset(_WORD.findall(text.casefold()))


def likeness(one: frozenset[str], other: frozenset[str]) -> Fraction:
    """The share of their words that they have in common."""
    together = len(one | other)
    return Fraction(len(one & other), together) if together else Fraction(0)


def alike(texts: Sequence[frozenset[str]], least: Fraction = ALIKE) -> list[tuple[int, int, Fraction]]:
    """Pairs of places whose texts are alike, in order of place. Texts without words are like no other."""
    found = []
    for number, (one, other) in enumerate(_candidates(texts, least)):
        if number >= MOST_PAIRS:
            break
        share = likeness(texts[one], texts[other])
        if share >= least:
            found.append((one, other, share))
    return sorted(found)


def _candidates(texts: Sequence[frozenset[str]], least: Fraction) -> Iterator[tuple[int, int]]:
    frequency = Counter(word for text in texts for word in text)
    met: dict[str, list[int]] = defaultdict(list)
    for place, text in enumerate(texts):
        ordered = sorted(text, key=lambda word: (frequency[word], word))
        seen: set[int] = set()
        for word in ordered[: _prefix(len(ordered), least)]:
            for other in met[word]:
                if other not in seen and _sizes_fit(len(texts[other]), len(text), least):
                    seen.add(other)
                    yield other, place
            met[word].append(place)


def _prefix(size: int, least: Fraction) -> int:
    """So many of the rarest words must hold one of any text that is alike."""
    needed = -(-least.numerator * size // least.denominator)
    return size - needed + 1 if size else 0


def _sizes_fit(one: int, other: int, least: Fraction) -> bool:
    return min(one, other) >= least * max(one, other)
