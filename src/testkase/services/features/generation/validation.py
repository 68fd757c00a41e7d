"""What a draft must be before a person sees it."""

import re
from typing import Annotated

import msgspec

from testkase.foundation.text import is_printable
from testkase.services.features.generation.ideas.model import Idea
from testkase.services.features.generation.prompting import EXAMPLE_WORDS, instructions
from testkase.services.features.judging import loops, repeats, runs
from testkase.services.workspace.model import CaseContent, CaseKind, Priority, Step

_LEAK_WORDS = 8
"""So many words in a row of our own instructions are no coincidence."""

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
    after_step: int | None = None
    """Of a suggested step: the number of the step it follows."""


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
        preconditions=tidy(written.preconditions),
        steps=tuple(Step(action=tidy(one.action), expected=tidy(one.expected)) for one in written.steps),
    )
    sentences = [content.preconditions, *(part for step in content.steps for part in (step.action, step.expected))]
    grave = faults_of(sentences, requirement)
    slight = _repeated(sentences)
    return Judged(content=content, faults=(*grave, *slight), usable=not grave)


def judge_large(case: LargeAnswer, titles: set[str], kinds: tuple[CaseKind, ...] = ()) -> CaseContent | None:
    """A large model's test case as a draft; None when it repeats one, loops, gives our instructions away or is of a
    kind nobody asked for."""
    if case.title.strip().lower() in titles or (kinds and case.kind not in kinds):
        return None
    steps = tuple(Step(action=tidy(one.action), expected=tidy(one.expected)) for one in case.steps)
    said = [case.title, case.preconditions, *(part for step in steps for part in (step.action, step.expected))]
    if _looping([step.action for step in steps]) or _leaked(said):
        return None
    return CaseContent(
        title=tidy(case.title),
        kind=case.kind,
        priority=case.priority,
        preconditions=tidy(case.preconditions),
        steps=steps,
    )


def tidy(text: str) -> str:
    """Without control characters and doubled spaces."""
    return re.sub(r"\s+", " ", "".join(one for one in text if is_printable(one) or one.isspace())).strip()


def faults_of(sentences: list[str], given: str) -> tuple[str, ...]:
    """Why nobody should see these sentences: about something else, lost, or giving our instructions away."""
    return (*_copied(sentences, given), *_looping(sentences), *_leaked(sentences))


def _copied(sentences: list[str], requirement: str) -> list[str]:
    foreign = EXAMPLE_WORDS - _words(requirement)
    return ["copied from the examples"] if any(_words(sentence) & foreign for sentence in sentences) else []


def _looping(sentences: list[str]) -> list[str]:
    return ["repeats itself"] if any(loops(sentence) for sentence in sentences) else []


def _leaked(sentences: list[str]) -> list[str]:
    """Our instructions in an answer: somebody asked the model to tell them."""
    found = any(repeats(sentence, _INSTRUCTED, _LEAK_WORDS) for sentence in sentences)
    return ["repeats the instructions"] if found else []


_INSTRUCTED = runs(instructions(), _LEAK_WORDS)


def _repeated(sentences: list[str]) -> list[str]:
    plain = [sentence.lower().rstrip(".") for sentence in sentences]
    return ["says the same twice"] if len(set(plain)) < len(plain) else []


def _words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))
