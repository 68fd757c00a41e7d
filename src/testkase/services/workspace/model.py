"""The workspace's nouns: projects, folders, test cases, cycles and what is executed in them."""

from datetime import date, datetime
from typing import Literal

import msgspec

CaseKind = Literal["positive", "negative", "boundary", "permission", "security", "accessibility"]
CaseType = Literal[
    "functional", "regression", "smoke", "integration", "acceptance", "exploratory", "performance", "usability"
]
CaseStatus = Literal["draft", "ready", "deprecated"]
Priority = Literal["low", "medium", "high", "critical"]
Origin = Literal["person", "generation", "import"]
CycleState = Literal["planned", "running", "finished"]
Result = Literal["not_executed", "passed", "failed", "blocked", "skipped"]
"""Where a case stands in a cycle."""
Executed = Literal["passed", "failed", "blocked", "skipped"]
"""What an execution can come to."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What to do and what should be seen then."""

    action: str
    expected: str = ""


class CaseContent(msgspec.Struct, frozen=True, kw_only=True):
    """What a test case says; the content of a draft has the same shape. `automation_id` names the automated test that
    executes it, as its results do."""

    title: str
    steps: tuple[Step, ...]
    kind: CaseKind = "positive"
    priority: Priority = "medium"
    preconditions: str = ""
    description: str = ""
    type: CaseType = "functional"
    status: CaseStatus = "ready"
    tags: tuple[str, ...] = ()
    automation_id: str = ""


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A project as one person sees it. `role` is None for an owner or admin who was not added to it."""

    project_id: int
    key: str
    name: str
    case_count: int
    role: str | None
    may_generate: bool


class Folder(msgspec.Struct, frozen=True, kw_only=True):
    """A folder in its tree: `depth` 0 at the top, `path` with the names above it; `case_count` without sub-folders."""

    folder_id: int
    parent_id: int | None
    name: str
    depth: int
    path: str
    case_count: int


class CaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the list of test cases."""

    case_id: int
    key: str
    title: str
    kind: str
    priority: str
    status: str
    folder_id: int | None
    tags: tuple[str, ...]
    generated: bool
    step_count: int
    created_at: datetime


class TestCase(msgspec.Struct, frozen=True, kw_only=True):
    """A test case in full. `version` grows with every edit."""

    __test__ = False

    case_id: int
    project_id: int
    key: str
    content: CaseContent
    folder_id: int | None
    version: int
    generation_id: int | None
    author: str | None
    editor: str | None
    created_at: datetime
    updated_at: datetime


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How many cases of a cycle stand where."""

    passed: int = 0
    failed: int = 0
    blocked: int = 0
    skipped: int = 0
    not_executed: int = 0

    @property
    def total(self) -> int:
        return self.executed + self.not_executed

    @property
    def executed(self) -> int:
        return self.passed + self.failed + self.blocked + self.skipped

    @property
    def percent(self) -> int:
        """Of the cases that were executed, rounded down: 100 only when none is left."""
        return self.executed * 100 // self.total if self.total else 0


class CyclePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What people say of a cycle."""

    name: str
    environment: str = ""
    starts_on: date | None = None
    ends_on: date | None = None


class Cycle(msgspec.Struct, frozen=True, kw_only=True):
    """A cycle with its progress."""

    cycle_id: int
    project_id: int
    plan: CyclePlan
    state: CycleState
    progress: Progress
    author: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A case in a cycle, as it stands."""

    case_id: int
    key: str
    title: str
    priority: str
    result: Result
    comment: str
    defect: str
    duration_ms: int | None
    executions: int
    executed_by: str | None
    executed_at: datetime | None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What an execution came to. `defect` is a link or a number in another system; None: nobody measured how long."""

    result: Executed
    comment: str = ""
    defect: str = ""
    duration_ms: int | None = None


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """An execution that happened. `import_id`: it came in a file."""

    execution_id: int
    result: Executed
    comment: str
    defect: str
    duration_ms: int | None
    import_id: int | None
    executed_by: str | None
    executed_at: datetime


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A line of a case's history: each changed field with its content before and after."""

    change_id: int
    action: str
    origin: str
    fields: dict[str, tuple[object, object]]
    changed_by: str | None
    changed_at: datetime
