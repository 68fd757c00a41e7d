"""What a draft must be before a person sees it."""

import re
from typing import Annotated

import msgspec

from testkase.services.features.generation.ideas import Idea
from testkase.services.features.generation.prompting import EXAMPLE_WORDS
from testkase.services.workspace.model import CaseContent, CaseKind, Priority, Step

Text = Annotated[str, msgspec.Meta(min_length=3, max_length=1_000)]


class WrittenStep(msgspec.Struct, frozen=True):
    action: Text
    expected: Annotated[str, msgspec.Meta(max_length=1_000)] = ""


class SmallAnswer(msgspec.Struct, frozen=True):
    """What the small model writes of a case; title, kind and priority come from the idea."""

    preconditions: Text
    steps: Annotated[tuple[WrittenStep, ...], msgspec.Meta(min_length=2, max_length=2)]


class LargeAnswer(msgspec.Struct, frozen=True):
    """A whole test case of a large model."""

    title: Annotated[str, msgspec.Meta(min_length=3, max_length=300)]
    kind: CaseKind
    priority: Priority
    preconditions: Annotated[str, msgspec.Meta(max_length=2_000)]
    steps: Annotated[tuple[WrittenStep, ...], msgspec.Meta(min_length=1, max_length=30)]


class Judged(msgspec.Struct, frozen=True):
    """A draft and what is wrong with it. `usable` drafts may be shown though they have faults."""

    content: CaseContent
    faults: tuple[str, ...]
    usable: bool


def judge_small(answer: str, idea: Idea, requirement: str) -> Judged | None:
    """The small model's answer as a draft; None when it is no JSON of the schema (cut off, or garbled)."""
    try:
        written = msgspec.json.decode(answer, type=SmallAnswer)
    except msgspec.MsgspecError:
        return None
    content = CaseContent(
        title=idea.title,
        kind=idea.kind,
        priority=idea.priority,
        preconditions=_tidy(written.preconditions),
        steps=tuple(Step(action=_tidy(one.action), expected=_tidy(one.expected)) for one in written.steps),
    )
    sentences = [content.preconditions, *(part for step in content.steps for part in (step.action, step.expected))]
    grave = [*_copied(sentences, requirement), *_looping(sentences)]
    slight = _repeated(sentences)
    return Judged(content=content, faults=(*grave, *slight), usable=not grave)


def judge_large(case: LargeAnswer, titles: set[str]) -> CaseContent | None:
    """A large model's test case as a draft; None when it repeats one or loops."""
    if case.title.strip().lower() in titles:
        return None
    steps = tuple(Step(action=_tidy(one.action), expected=_tidy(one.expected)) for one in case.steps)
    if _looping([step.action for step in steps]):
        return None
    return CaseContent(
        title=_tidy(case.title),
        kind=case.kind,
        priority=case.priority,
        preconditions=_tidy(case.preconditions),
        steps=steps,
    )


def _tidy(text: str) -> str:
    """Without control characters and doubled spaces."""
    return re.sub(r"\s+", " ", "".join(one for one in text if one.isprintable() or one.isspace())).strip()


def _copied(sentences: list[str], requirement: str) -> list[str]:
    foreign = EXAMPLE_WORDS - _words(requirement)
    return ["copied from the examples"] if any(_words(sentence) & foreign for sentence in sentences) else []


def _looping(sentences: list[str]) -> list[str]:
    """The same three words twice in a sentence: a small model that has lost its way."""
    for sentence in sentences:
        words = re.findall(r"[\w']+", sentence.lower())
        triples = list(zip(words, words[1:], words[2:], strict=False))
        if len(set(triples)) < len(triples):
            return ["repeats itself"]
    return []


def _repeated(sentences: list[str]) -> list[str]:
    plain = [sentence.lower().rstrip(".") for sentence in sentences]
    return ["says the same twice"] if len(set(plain)) < len(plain) else []


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))
