"""Generation's nouns: what is asked for, how far it is, and the drafts."""

from datetime import datetime
from typing import Literal

import msgspec

from testkase.services.features.running.job import EndedBy
from testkase.services.inference import Feature, Level
from testkase.services.workspace.model import CaseContent, CaseKind

USE_CASE: Feature = "test_generation"
"""As usage is recorded under."""

GenerationState = Literal["queued", "running", "succeeded", "failed"]
DraftState = Literal["proposed", "accepted", "rejected"]

MAX_REQUIREMENT = 4_000
"""Characters of a requirement: about a page. Longer ones are several requirements."""
MAX_CASES = 12
DEFAULT_CASES = 4
ORDINARY_KINDS: tuple[CaseKind, ...] = ("positive", "negative", "boundary", "permission")
"""What is written unless somebody asks for other kinds: security and accessibility are wishes of their own."""


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the person chose."""

    model: str
    level: Level | None = None
    """The quality level the model was chosen by."""
    cases: int = DEFAULT_CASES
    kinds: tuple[CaseKind, ...] = ()
    """Only these kinds; empty: the ordinary ones that the requirement suggests."""


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a generation is. `writing` is what the model has written of the current draft."""

    done: int = 0
    total: int = 0
    now: str = ""
    """What is being worked on, for people: "Boundary: 31 minutes"."""
    writing: str = ""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed test case. `case_key` is set once it was accepted."""

    position: int
    content: CaseContent
    state: DraftState
    case_key: str | None
    twin_key: str | None = None
    """A test case of the project that says nearly the same."""
    likeness: int | None = None
    """How much of it, in percent."""
    after_step: int | None = None
    """Of a suggested step: the number of the step it follows, as the case stood; 0: it comes first."""


class GenerationView(msgspec.Struct, frozen=True, kw_only=True):
    """A generation as its page shows it. `charged` in micro-credits, None until it is settled; 0 when it failed.

    `receipt` is the sequence number of its usage, None where nothing was recorded (the model was never called).
    """

    generation_id: int
    project_id: int
    requirement: str
    criteria: str
    """Acceptance criteria, as they were pasted beside the requirement."""
    folder_id: int | None
    """Where accepted drafts go unless somebody says otherwise."""
    case_key: str | None
    """The test case that further steps were asked for; None: test cases were."""
    options: Options
    state: GenerationState
    stop_asked: bool
    """Somebody pressed Cancel; the worker has yet to see it while the generation is under way."""
    progress: Progress
    user_ref: str
    charged: int | None
    receipt: int | None
    ending: EndedBy
    error: str | None
    created_at: datetime
    finished_at: datetime | None
    drafts: tuple[Draft, ...]

    @property
    def undecided(self) -> int:
        return sum(draft.state == "proposed" for draft in self.drafts)

    @property
    def finished(self) -> bool:
        return self.state in ("succeeded", "failed")


def brief_of(requirement: str, criteria: str) -> str:
    """What is to be tested, in one text."""
    return f"{requirement}\n{CRITERIA_HEADING}\n{criteria}" if criteria else requirement


CRITERIA_HEADING = "Acceptance criteria:"


class GenerationRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a project's list of generations. `title` is the beginning of the requirement."""

    generation_id: int
    title: str
    state: GenerationState
    ending: EndedBy
    user_ref: str
    draft_count: int
    accepted_count: int
    charged: int | None
    created_at: datetime
