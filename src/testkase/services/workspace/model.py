"""The workspace's nouns: Project, TestCase and its steps."""

from datetime import datetime
from typing import Literal

import msgspec

CaseKind = Literal["positive", "negative", "boundary", "permission"]
Priority = Literal["low", "medium", "high", "critical"]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What to do and what should be seen then."""

    action: str
    expected: str = ""


class CaseContent(msgspec.Struct, frozen=True, kw_only=True):
    """What a test case says; the content of a draft has the same shape."""

    title: str
    steps: tuple[Step, ...]
    kind: CaseKind = "positive"
    priority: Priority = "medium"
    preconditions: str = ""


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A project as one person sees it. `role` is None for an owner or admin who was not added to it."""

    project_id: int
    key: str
    name: str
    case_count: int
    role: str | None
    may_generate: bool


class CaseRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the list of test cases."""

    case_id: int
    key: str
    title: str
    kind: str
    priority: str
    generated: bool
    step_count: int
    created_at: datetime


class TestCase(msgspec.Struct, frozen=True, kw_only=True):
    """A test case in full."""

    __test__ = False

    case_id: int
    project_id: int
    key: str
    content: CaseContent
    generation_id: int | None
    author: str | None
    created_at: datetime
