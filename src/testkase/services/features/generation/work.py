"""What a run has to write: test cases of a requirement, or further steps of a test case. One run drives both."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from testkase.services.features.generation.estimate import Size, size_of
from testkase.services.features.generation.ideas.choosing import ideas_for
from testkase.services.features.generation.ideas.model import Idea
from testkase.services.features.generation.model import Options
from testkase.services.features.generation.progress import Reporter
from testkase.services.features.generation.prompting import large_request, small_request
from testkase.services.features.generation.validation import Judged, LargeAnswer, judge_large, judge_small
from testkase.services.features.generation.writing import Todo, write_large, write_small
from testkase.services.inference import ModelEntry
from testkase.services.workspace.model import CaseContent

if TYPE_CHECKING:
    from testkase.services.metering.interaction import Interaction


class Work(Protocol):
    """The drafts to be written have the positions 1 to `total`."""

    def total(self, entry: ModelEntry) -> int: ...

    def size(self, entry: ModelEntry, positions: Sequence[int]) -> Size: ...

    async def write(
        self,
        entry: ModelEntry,
        positions: Sequence[int],
        known: tuple[CaseContent, ...],
        interaction: "Interaction",
        report: Reporter,
    ) -> None: ...


class CaseWork(msgspec.Struct, frozen=True, kw_only=True):
    """Test cases of a requirement and its acceptance criteria."""

    org_id: int
    brief: str
    options: Options

    def total(self, entry: ModelEntry) -> int:
        """A large model finds as many as are asked for; a small one writes what code had an idea for."""
        return len(self._ideas()) if entry.small else self.options.cases

    def size(self, entry: ModelEntry, positions: Sequence[int]) -> Size:
        return size_of(
            self.brief,
            self.options,
            small=entry.small,
            context_window=entry.context_window,
            max_output_tokens=entry.max_output_tokens,
            org_id=self.org_id,
            already=self.total(entry) - len(positions),
        )

    async def write(
        self,
        entry: ModelEntry,
        positions: Sequence[int],
        known: tuple[CaseContent, ...],
        interaction: "Interaction",
        report: Reporter,
    ) -> None:
        if entry.small:
            todo: Todo = tuple((at, idea) for at, idea in enumerate(self._ideas(), start=1) if at in positions)
            await write_small(SmallCases(org_id=self.org_id, brief=self.brief), todo, known, interaction, report)
        else:
            ask = LargeCases(brief=self.brief, options=self.options, most=entry.max_output_tokens)
            await write_large(ask, positions, known, interaction, report)

    def _ideas(self) -> tuple[Idea, ...]:
        return ideas_for(self.brief, self.options.cases, self.options.kinds)


class SmallCases(msgspec.Struct, frozen=True, kw_only=True):
    """One idea for a test case, put to a small model."""

    org_id: int
    brief: str

    def request(self, idea: Idea, attempt: int) -> dict[str, Any]:
        return small_request(self.org_id, self.brief, idea, attempt)

    def judge(self, answer: str, idea: Idea, known: tuple[CaseContent, ...]) -> Judged | None:
        return judge_small(answer, idea, self.brief)


class LargeCases(msgspec.Struct, frozen=True, kw_only=True):
    """A requirement, put to a large model."""

    brief: str
    options: Options
    most: int

    def request(self, missing: int, known: tuple[CaseContent, ...]) -> dict[str, Any]:
        ideas = ideas_for(self.brief, self.options.cases, self.options.kinds)[-missing:]
        titles = tuple(content.title for content in known)
        return large_request(self.brief, ideas, titles, self.most, count=missing, kinds=self.options.kinds)

    def drafted(self, written: Any, known: tuple[CaseContent, ...]) -> Judged | None:
        try:
            case = msgspec.convert(written, LargeAnswer)
        except msgspec.ValidationError:
            return None
        content = judge_large(case, {content.title.lower() for content in known}, self.options.kinds)
        return Judged(content=content, faults=(), usable=True) if content is not None else None
