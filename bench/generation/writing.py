"""Write the test cases of every requirement with the embedded model, in one wording of the prompt or another."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from testkase.core.ledger.terms import Tokens
from testkase.services.features.generation.ideas.choosing import ideas_for
from testkase.services.features.generation.ideas.model import Idea
from testkase.services.features.generation.validation import Judged
from testkase.services.features.generation.work import SmallCases
from testkase.services.features.generation.writing import write_small
from testkase.services.inference import EMBEDDED_MODEL, Catalog, ProviderError
from testkase.services.workspace.model import CaseContent

Body = dict[str, Any]
TRIES = 3


def _as_it_is(body: Body) -> Body:
    return body


def _one_example(body: Body) -> Body:
    """Without the second worked example."""
    messages = body["messages"]
    return {**body, "messages": [*messages[:3], messages[-1]]}


def _no_example(body: Body) -> Body:
    """Without any."""
    messages = body["messages"]
    return {**body, "messages": [messages[0], messages[-1]]}


VARIANTS: dict[str, Callable[[Body], Body]] = {
    "current: two worked examples": _as_it_is,
    "one worked example": _one_example,
    "no worked example": _no_example,
}


@dataclass
class Written:
    """What came of one variant."""

    cases: list[tuple[int, CaseContent]] = field(default_factory=list)
    """With the number of their requirement."""
    ideas: int = 0
    answers: int = 0
    valid_answers: int = 0
    faultless: int = 0
    """Drafts the validators had nothing against."""
    tokens: list[Tokens] = field(default_factory=list)
    """Of each call."""


class _Ask(SmallCases, frozen=True, kw_only=True):
    variant: Callable[[Body], Body]
    written: Any

    def request(self, idea: Idea, attempt: int) -> Body:
        return self.variant(super().request(idea, attempt))

    def judge(self, answer: str, idea: Idea, known: tuple[CaseContent, ...]) -> Judged | None:
        judged = super().judge(answer, idea, known)
        self.written.answers += 1
        self.written.valid_answers += judged is not None
        self.written.faultless += judged is not None and not judged.faults
        return judged


class _Unmetered:
    """In the place of an interaction: nobody is charged."""

    def __init__(self, catalog: Catalog, written: Written) -> None:
        self._catalog, self._written = catalog, written

    @asynccontextmanager
    async def call(self, body: Mapping[str, Any], *, stream: bool) -> AsyncIterator[Any]:
        async with self._catalog.open(EMBEDDED_MODEL, dict(body), stream=stream) as call:
            yield call
        self._written.tokens.append(call.result().tokens)


class _Kept:
    """In the place of the reporter: drafts are kept in memory."""

    def __init__(self, number: int, written: Written) -> None:
        self._number, self._written = number, written

    async def begin(self, now: str) -> None:
        """Nobody watches."""

    async def writing(self, answer: str) -> None:
        """Nobody watches."""

    async def draft(self, position: int, content: CaseContent, *, after_step: int | None = None) -> None:
        self._written.cases.append((self._number, content))


async def write(catalog: Catalog, variant: str, requirements: tuple[str, ...], cases: int) -> Written:
    """The drafts of every requirement."""
    written = Written()
    interaction: Any = _Unmetered(catalog, written)
    for number, requirement in enumerate(requirements, start=1):
        ideas = ideas_for(requirement, cases)
        written.ideas += len(ideas)
        ask = _Ask(org_id=1, brief=requirement, variant=VARIANTS[variant], written=written)
        report: Any = _Kept(number, written)
        for idea in enumerate(ideas, start=1):
            await _patiently(ask, idea, interaction, report)
    return written


async def _patiently(ask: _Ask, idea: tuple[int, Idea], interaction: Any, report: Any) -> None:
    """A connection that breaks off says nothing about the model: the call is made again."""
    for attempt in range(TRIES):
        try:
            await write_small(ask, (idea,), (), interaction, report)
            return
        except ProviderError:
            if attempt == TRIES - 1:
                raise
