"""Getting a report's text written: in one answer and one repair by a large model, by sentences by a small one."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from testkase.core.ledger.terms import Tokens
from testkase.services.features.reports.model import Facts, Narrative, Recommendation
from testkase.services.features.reports.narrative.figures import preview
from testkase.services.features.reports.narrative.judging import advice_on, judge_large, judge_small
from testkase.services.features.reports.narrative.prompting import (
    LARGE_TRIES,
    TEMPERATURES,
    large_request,
    repair_request,
    small_request,
    small_tasks,
)
from testkase.services.metering.charge import total

if TYPE_CHECKING:
    from testkase.services.metering.call import MeteredCall
    from testkase.services.metering.interaction import Interaction

Told = Callable[[str], Awaitable[None]]
"""Hears what has been written so far, fit to be shown."""

_WRITTEN = re.compile(r'"(?:summary|text)"\s*:\s*"((?:[^"\\]|\\.)*)')


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] = []


_CHUNK = msgspec.json.Decoder(_Chunk)


class Writer:
    """Writes the text of one report under an interaction that may have others, and knows what its own calls used."""

    def __init__(self, facts: Facts, interaction: "Interaction", told: Told) -> None:
        self._facts, self._interaction, self._told = facts, interaction, told
        self._calls: list[MeteredCall] = []

    async def large(self, most: int) -> Narrative | None:
        """One answer; where parts of it are refused, once more with the reasons. None: nothing that may be shown."""
        first = large_request(self._facts, most)
        body, best = first, None
        for _ in range(LARGE_TRIES):
            answer = await self._answer(body)
            judged = judge_large(answer, self._facts)
            best = judged.narrative or best
            if judged.narrative is not None and not judged.objections:
                break
            body = repair_request(first, answer, judged.objections)
        return best

    async def small(self, team: int) -> Narrative | None:
        """One short, constrained call for each thing found; another at a higher temperature where it is refused. What
        was found is said by code: the model only advises."""
        advice: list[Recommendation] = []
        for number in range(small_tasks(self._facts)):
            for attempt in range(len(TEMPERATURES)):
                answer = await self._answer(small_request(team, self._facts, number, attempt))
                text = judge_small(answer, self._facts)
                if text is not None and all(text != one.text for one in advice):
                    advice.append(advice_on(self._facts, number, text))
                    break
        return Narrative(summary=" ".join(self._facts.headline), recommendations=tuple(advice)) if advice else None

    def forgive(self) -> None:
        """Nothing of it may be shown: its calls cost nothing, whatever becomes of the other reports (B10)."""
        for call in self._calls:
            call.forgive()

    async def used(self) -> Tokens:
        """Tokens of all its calls."""
        for call in self._calls:
            await call.finished()
        return total(call.charge.tokens for call in self._calls)

    async def _answer(self, body: Mapping[str, Any]) -> str:
        answer = ""
        async for answer in self._growing(body):
            await self._told(preview(_readable(answer), self._facts))
        return answer

    async def _growing(self, body: Mapping[str, Any]) -> AsyncIterator[str]:
        answer = ""
        async with self._interaction.call(body, stream=True) as call:
            self._calls.append(call)
            async for payload in call.events():
                if payload == b"[DONE]":
                    continue
                for choice in _CHUNK.decode(payload).choices:
                    if choice.delta is not None and choice.delta.content:
                        answer += choice.delta.content
                        yield answer


def _readable(answer: str) -> str:
    """The sentences of an unfinished JSON answer."""
    return " ".join(part.replace('\\"', '"').replace("\\n", " ") for part in _WRITTEN.findall(answer))[-600:]
