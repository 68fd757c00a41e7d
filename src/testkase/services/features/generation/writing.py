"""Getting the drafts written: idea by idea with a small model, all in one answer with a large one."""

import json
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from testkase.services.features.generation.ideas import Idea
from testkase.services.features.generation.progress import Reporter
from testkase.services.features.generation.prompting import TEMPERATURES, small_request
from testkase.services.features.generation.validation import Judged, LargeAnswer, judge_large, judge_small
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


async def write_small(org_id: int, requirement: str, todo: Todo, interaction: "Interaction", report: Reporter) -> None:
    """One short, constrained call an idea; another at a higher temperature where the validators object."""
    for position, idea in todo:
        await report.begin(f"{idea.kind.capitalize()}: {idea.title}")
        best: Judged | None = None
        for attempt in range(len(TEMPERATURES)):
            answer = ""
            async for answer in _answers(small_request(org_id, requirement, idea, attempt), interaction):
                await report.writing(answer)
            judged = judge_small(answer, idea, requirement)
            if judged is not None and (best is None or len(judged.faults) < len(best.faults)):
                best = judged
            if best is not None and not best.faults:
                break
        if best is not None and best.usable:
            await report.draft(position, best.content)


async def write_large(
    body: Mapping[str, Any], todo: Todo, known_titles: tuple[str, ...], interaction: "Interaction", report: Reporter
) -> None:
    """One call for all ideas; every test case becomes a draft as soon as it is complete."""
    await report.begin(f"Writing {len(todo)} test cases")
    titles = {title.lower() for title in known_titles}
    positions = iter([position for position, _ in todo])
    cases = CaseReader()
    async for answer in _answers(body, interaction):
        await report.writing(answer[cases.read_to :])
        for case in cases.complete(answer):
            content = _drafted(case, titles)
            if content is None:
                continue
            position = next(positions, None)
            if position is None:
                return  # the model wrote more than was asked for
            titles.add(content.title.lower())
            await report.draft(position, content)


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


def _drafted(case: Any, titles: set[str]) -> CaseContent | None:
    try:
        return judge_large(msgspec.convert(case, LargeAnswer), titles)
    except msgspec.ValidationError:
        return None


async def _answers(body: Mapping[str, Any], interaction: "Interaction") -> AsyncIterator[str]:
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
