"""The workspace as programs see it."""

from datetime import datetime
from typing import Annotated

from msgspec import Meta, Struct

from testkase.core.ledger.calendar import to_micros
from testkase.entrypoints.api.fields import instant
from testkase.entrypoints.api.v1.usage_schemas import Cursor, Limit
from testkase.services.workspace.importing.junit_file import ResultJson
from testkase.services.workspace.importing.model import MOST_ITEMS, LineOutcome, Unmatched
from testkase.services.workspace.importing.requests import ImportRun, NumberedLine
from testkase.services.workspace.model import CaseKind, CaseRow, CaseStatus, CaseType, Priority, Project

DEFAULT_CYCLE = "Automated results"

_Words = Annotated[str, Meta(max_length=200, description="Each word must be in the key, title, tags or steps.")]


class ProjectItem(Struct, frozen=True, kw_only=True):
    """A project."""

    key: str
    name: str
    test_cases: int

    @classmethod
    def of(cls, project: Project) -> "ProjectItem":
        return cls(key=project.key, name=project.name, test_cases=project.case_count)


class ProjectList(Struct, frozen=True, kw_only=True):
    """All projects of the organization, by name."""

    items: list[ProjectItem]
    next_cursor: str | None


class CaseQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Filters and page of the list of test cases."""

    limit: Limit = 50
    cursor: Cursor | None = None
    text: _Words = ""
    status: CaseStatus | None = None
    priority: Priority | None = None
    kind: CaseKind | None = None
    type: CaseType | None = None
    tag: Annotated[str, Meta(max_length=40)] = ""


class CaseItem(Struct, frozen=True, kw_only=True):
    """A test case, without its steps."""

    key: str
    title: str
    status: str
    priority: str
    kind: str
    tags: list[str]
    steps: int
    generated: bool
    created_at: str

    @classmethod
    def of(cls, row: CaseRow) -> "CaseItem":
        return cls(
            key=row.key, title=row.title, status=row.status, priority=row.priority, kind=row.kind,
            tags=list(row.tags), steps=row.step_count, generated=row.generated, created_at=_instant(row.created_at),
        )  # fmt: skip


class CasePage(Struct, frozen=True, kw_only=True):
    """Newest first. `next_cursor` is null on the last page."""

    items: list[CaseItem]
    next_cursor: str | None


class ResultsQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where results go, and what becomes of those that belong to no test case."""

    cycle: Annotated[
        str,
        Meta(
            min_length=1, max_length=120,
            description="The open test cycle of this name; where there is none, a new one is made.",
        ),
    ] = DEFAULT_CYCLE  # fmt: skip
    unmatched: Annotated[
        Unmatched, Meta(description="`create`: a result without a test case writes one; `skip`: it is left out.")
    ] = "skip"


class ResultList(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Results in JSON. One is found by its `automation_id`, else by its `title`."""

    items: Annotated[list[ResultJson], Meta(min_length=1, max_length=MOST_ITEMS)]


class ImportQuery(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A page of the report."""

    limit: Limit = 50
    cursor: Cursor | None = None
    outcome: LineOutcome | None = None


class ImportLine(Struct, frozen=True, kw_only=True):
    """What became of a line of the file, or of an item of the list."""

    line: int
    outcome: str
    title: str
    test_case: str | None
    reason: str

    @classmethod
    def of(cls, line: NumberedLine) -> "ImportLine":
        return cls(
            line=line.line, outcome=line.outcome, title=line.title, test_case=line.case_key, reason=line.reason
        )  # fmt: skip


class ImportAccepted(Struct, frozen=True, kw_only=True):
    """An import that is worked off by and by: read GET /imports/{id}."""

    id: str
    state: str


class ImportReport(Struct, frozen=True, kw_only=True):
    """How far an import is, and what became of each line so far."""

    id: str
    state: Annotated[str, Meta(description="`queued`, `running`, `succeeded` or `failed`.")]
    project: str
    kind: str
    cycle: str | None
    done: int
    total: int
    counts: dict[str, int]
    error: str | None
    created_at: str
    finished_at: str | None
    lines: list[ImportLine]
    next_cursor: str | None

    @classmethod
    def of(cls, run: ImportRun, lines: list[NumberedLine], following: str | None) -> "ImportReport":
        return cls(
            id=str(run.import_id), state=run.state, project=run.project_key, kind=run.kind, cycle=run.cycle_name,
            done=run.done, total=run.total, counts=dict(run.counts), error=run.error,
            created_at=_instant(run.created_at), finished_at=_instant(run.finished_at) if run.finished_at else None,
            lines=[ImportLine.of(line) for line in lines], next_cursor=following,
        )  # fmt: skip


def _instant(at: datetime) -> str:
    return instant(to_micros(at))
