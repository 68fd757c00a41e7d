"""What a run has to write when further steps of a test case were asked for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from testkase.services.features.generation.estimate import Size, large_size, small_size
from testkase.services.features.generation.ideas.model import Idea
from testkase.services.features.generation.model import Options
from testkase.services.features.generation.progress import Reporter
from testkase.services.features.generation.steps.ideas import MOST_STEPS, step_ideas
from testkase.services.features.generation.steps.prompting import case_text, large_step_request, small_step_request
from testkase.services.features.generation.validation import Judged, Text, faults_of, tidy
from testkase.services.features.generation.writing import write_large, write_small
from testkase.services.inference import ModelEntry
from testkase.services.workspace.model import CaseContent, Step

if TYPE_CHECKING:
    from testkase.services.metering.interaction import Interaction

_LIKELY_OUTPUT = 70
"""Tokens of a step."""


class WrittenStep(msgspec.Struct, frozen=True):
    """A step as a model writes it. `after`: the number of the step it follows."""

    action: Text
    expected: Annotated[str, msgspec.Meta(max_length=1_000)] = ""
    after: int | None = None


class StepWork(msgspec.Struct, frozen=True, kw_only=True):
    """Further steps of a case. A draft is a case of one step, at the place it belongs to."""

    org_id: int
    case: CaseContent
    options: Options

    def total(self, entry: ModelEntry) -> int:
        return len(step_ideas(self.case)) if entry.small else MOST_STEPS

    def size(self, entry: ModelEntry, positions: Sequence[int]) -> Size:
        if entry.small:
            bodies = [small_step_request(self.org_id, self.case, idea, 0) for _, idea in self._todo(positions)]
            return small_size(bodies, entry.context_window)
        body = large_step_request(self.case, len(positions), entry.max_output_tokens)
        return large_size(body, entry.context_window, likely_output=_LIKELY_OUTPUT * len(positions))

    async def write(
        self,
        entry: ModelEntry,
        positions: Sequence[int],
        known: tuple[CaseContent, ...],
        interaction: "Interaction",
        report: Reporter,
    ) -> None:
        if entry.small:
            small = SmallSteps(org_id=self.org_id, case=self.case)
            await write_small(small, self._todo(positions), known, interaction, report)
        else:
            large = LargeSteps(case=self.case, most=entry.max_output_tokens)
            await write_large(large, positions, known, interaction, report, complete=False)

    def _todo(self, positions: Sequence[int]) -> tuple[tuple[int, Idea], ...]:
        return tuple((at, idea) for at, idea in enumerate(step_ideas(self.case), start=1) if at in positions)


class SmallSteps(msgspec.Struct, frozen=True, kw_only=True):
    """One idea for a step, put to a small model; it follows the last step."""

    org_id: int
    case: CaseContent

    def request(self, idea: Idea, attempt: int) -> dict[str, Any]:
        return small_step_request(self.org_id, self.case, idea, attempt)

    def judge(self, answer: str, idea: Idea, known: tuple[CaseContent, ...]) -> Judged | None:
        try:
            written = msgspec.json.decode(answer, type=WrittenStep)
        except msgspec.MsgspecError:
            return None
        return judge_step(self.case, written, known)


class LargeSteps(msgspec.Struct, frozen=True, kw_only=True):
    """A test case, put to a large model."""

    case: CaseContent
    most: int

    def request(self, missing: int, known: tuple[CaseContent, ...]) -> dict[str, Any]:
        return large_step_request(self.case, missing, self.most)

    def drafted(self, written: Any, known: tuple[CaseContent, ...]) -> Judged | None:
        try:
            step = msgspec.convert(written, WrittenStep)
        except msgspec.ValidationError:
            return None
        judged = judge_step(self.case, step, known)
        return judged if judged.usable else None


def judge_step(case: CaseContent, written: WrittenStep, known: tuple[CaseContent, ...] = ()) -> Judged:
    """A suggested step as a draft, and what is wrong with it."""
    steps = (*case.steps, *(step for one in known for step in one.steps))
    step = Step(action=tidy(written.action), expected=tidy(written.expected))
    faults = faults_of([step.action, step.expected], case_text(case))
    if step.action.lower() in {one.action.lower() for one in steps}:
        faults = (*faults, "is there already")
    after = len(case.steps) if written.after is None else min(max(written.after, 0), len(case.steps))
    content = CaseContent(title=case.title, kind=case.kind, steps=(step,))
    return Judged(content=content, faults=faults, usable=not faults, after_step=after)
