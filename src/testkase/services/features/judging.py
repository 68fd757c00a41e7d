"""What features ask of a text a model wrote: that it has not lost its way and does not repeat our prompts."""

import re

Runs = frozenset[tuple[str, ...]]


def tidy(text: str) -> str:
    """One line, without control characters."""
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def loops(sentence: str) -> bool:
    """The same three words twice in a sentence: a small model that has lost its way."""
    words = re.findall(r"[\w']+", sentence.lower())
    triples = list(zip(words, words[1:], words[2:], strict=False))
    return len(set(triples)) < len(triples)


def runs(text: str, length: int) -> Runs:
    """Every so many words in a row."""
    words = re.findall(r"[a-z]+", text.lower())
    return frozenset(tuple(words[start : start + length]) for start in range(len(words) - length + 1))


def repeats(sentence: str, told: Runs, length: int) -> bool:
    """Whether so many words in a row of what the model was told stand in the sentence. `told`: their `runs`."""
    return not told.isdisjoint(runs(sentence, length))
