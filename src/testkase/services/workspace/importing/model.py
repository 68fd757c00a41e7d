"""What files are read into: cases, results, and lines that are neither, each with the line it began on."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from testkase.services.workspace.model import Outcome

ImportKind = Literal["csv", "gherkin", "junit", "json"]
LineOutcome = Literal["created", "updated", "matched", "unchanged", "skipped"]
Unmatched = Literal["create", "skip"]

MAX_BYTES = 5 * 1024 * 1024
MOST_ITEMS = 20_000
"""Cases or results of one file."""


class CaseItem(msgspec.Struct, frozen=True, kw_only=True):
    """A test case of a file. `fields` are those the file speaks of, as CaseContent names them: the others of a case
    that is there already stay as they are. `folder` is a path, None where the file knows no folders."""

    line: int
    title: str
    fields: Mapping[str, Any]
    key: str = ""
    folder: str | None = None
    note: str = ""
    """What was made of something that was not understood."""
    reads_back: bool = False
    """It came out of an export that cannot write everything: what it says as that wrote it was not changed."""


class ResultItem(msgspec.Struct, frozen=True, kw_only=True):
    """The result of an automated test."""

    line: int
    automation_id: str
    title: str
    outcome: Outcome
    folder: str = ""
    """Path of the folder for a case that is written for it; "" for the top."""

    @property
    def named(self) -> bool:
        """Whether the file says more than a title: then a case of that title may be another test's."""
        return self.automation_id != self.title


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the file that is left out, and why."""

    line: int
    title: str
    reason: str


Item = CaseItem | ResultItem | Unreadable


class ImportOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Where it goes. Results go into a cycle: the one of this id, or an open one of this name, made where there is
    none. `unmatched`: what becomes of results that belong to no case."""

    cycle_id: int | None = None
    cycle_name: str = ""
    unmatched: Unmatched = "skip"


class KeptOptions(ImportOptions, frozen=True, kw_only=True):
    """What the job is told. `after`: an earlier import of the same results into the same cycle, which left some out:
    what it took over is not taken over again."""

    after: int | None = None


class ReportLine(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a line."""

    line: int
    outcome: LineOutcome
    title: str
    case_key: str | None = None
    reason: str = ""
