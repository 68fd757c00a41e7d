"""Projects, test cases, and what became of results that were sent."""

from datetime import datetime

from msgspec import Struct


class Project(Struct, frozen=True, kw_only=True):
    """A project."""

    key: str
    name: str
    test_cases: int


class Case(Struct, frozen=True, kw_only=True):
    """A test case, without its steps."""

    key: str
    title: str
    status: str
    priority: str
    kind: str
    tags: list[str]
    steps: int
    generated: bool
    created_at: datetime


class AcceptedImport(Struct, frozen=True, kw_only=True):
    """An import that is worked off by and by."""

    id: str
    state: str
    replayed: bool = False


class ImportLine(Struct, frozen=True, kw_only=True):
    """What became of one result."""

    line: int
    outcome: str
    title: str
    test_case: str | None
    reason: str


class ImportReport(Struct, frozen=True, kw_only=True):
    """How far an import is, and one page of what became of each line. States: queued, running, succeeded, failed."""

    id: str
    state: str
    project: str
    kind: str
    cycle: str | None
    done: int
    total: int
    counts: dict[str, int]
    error: str | None
    created_at: datetime
    finished_at: datetime | None
    lines: list[ImportLine]
    next_cursor: str | None
