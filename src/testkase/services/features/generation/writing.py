"""Getting the drafts written: idea by idea with a small model, all in one answer with a large one."""

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from testkase.services.features.generation.ideas.model import Idea
from testkase.services.features.generation.progress import Reporter
from testkase.services.features.generation.prompting import LARGE_TRIES, TEMPERATURES
from testkase.services.features.generation.validation import Judged
from testkase.services.workspace.model import CaseContent

if TYPE_CHECKING:
    from testkase.services.metering.interaction import Interaction

Todo = tuple[tuple[int, Idea], ...]
"""Ideas still to be written, with the positions of their drafts."""


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []


_CHUNK = msgspec.json.Decoder(_Chunk)


class Ask(Protocol):
    """How one idea is put to a small model, and how its answer is judged."""

    def request(self, idea: Idea, attempt: int) -> dict[str, Any]: ...

    def judge(self, answer: str, idea: Idea, known: tuple[CaseContent, ...]) -> Judged | None: ...


async def write_small(
    ask: Ask, todo: Todo, known: tuple[CaseContent, ...], interaction: "Interaction", report: Reporter
) -> None:
    """One short, constrained call an idea; another at a higher temperature where the validators object."""
    for position, idea in todo:
        await report.begin(f"{idea.kind.capitalize()}: {idea.title}")
        best: Judged | None = None
        for attempt in range(len(TEMPERATURES)):
            answer = ""
            async for answer in answers(ask.request(idea, attempt), interaction):
                await report.writing(answer)
            judged = ask.judge(answer, idea, known)
            if judged is not None and (best is None or len(judged.faults) < len(best.faults)):
                best = judged
            if best is not None and not best.faults:
                break
        if best is not None and best.usable:
            known = (*known, best.content)
            await report.draft(position, best.content, after_step=best.after_step)


class Large(Protocol):
    """How what is still missing is put to a large model, and how one object of its answer becomes a draft."""

    def request(self, missing: int, known: tuple[CaseContent, ...]) -> dict[str, Any]: ...

    def drafted(self, written: Any, known: tuple[CaseContent, ...]) -> Judged | None: ...


async def write_large(
    ask: Large,
    positions: Sequence[int],
    known: tuple[CaseContent, ...],
    interaction: "Interaction",
    report: Reporter,
    *,
    complete: bool = True,
) -> None:
    """One call for all drafts, each kept as soon as it is complete; one more for those that are missing or were no
    good, and then no other. `complete=False`: one draft is enough, the model may think that there are no more."""
    free = list(positions)
    for _ in range(LARGE_TRIES):
        await report.begin(f"Writing {len(free)} draft{'' if len(free) == 1 else 's'}")
        reader = CaseReader()
        async for answer in answers(ask.request(len(free), known), interaction):
            await report.writing(answer[reader.read_to :])
            for written in reader.complete(answer):
                judged = ask.drafted(written, known) if free else None
                if judged is not None:
                    known = (*known, judged.content)
                    await report.draft(free.pop(0), judged.content, after_step=judged.after_step)
        if not free or (len(free) < len(positions) and not complete):
            return


class CaseReader:
    """Finds the objects of `{"cases": [{…}, {…}` that are complete in a growing answer."""

    def __init__(self) -> None:
        self.read_to = 0
        self._decoder = json.JSONDecoder()

    def complete(self, answer: str) -> list[Any]:
        """Those that became complete since the last time."""
        found: list[Any] = []
        if not self.read_to:
            start = answer.find("[")
            if start < 0:
                return found
            self.read_to = start + 1
        while (start := answer.find("{", self.read_to)) >= 0:
            try:
                case, self.read_to = self._decoder.raw_decode(answer, start)
            except ValueError:
                break
            found.append(case)
        return found


async def answers(body: Mapping[str, Any], interaction: "Interaction") -> AsyncIterator[str]:
    """The answer as it grows."""
    answer = ""
    async with interaction.call(body, stream=True) as call:
        async for payload in call.events():
            if payload == b"[DONE]":
                continue
            for choice in _CHUNK.decode(payload).choices:
                if choice.delta is not None and choice.delta.content:
                    answer += choice.delta.content
                    yield answer
