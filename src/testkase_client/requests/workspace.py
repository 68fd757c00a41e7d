"""Projects, test cases, and results of automated tests."""

from collections.abc import Sequence
from typing import Literal

from msgspec import Struct

from testkase_client.answers.workspace import AcceptedImport, Case, ImportReport, Project
from testkase_client.request import JSON, XML, Page, Request, below
from testkase_client.requests.reading import PAGE_SIZE


class Result(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One result. It belongs to the test case with its `automation_id`, else to the one with its title."""

    title: str
    result: Literal["passed", "failed", "blocked", "skipped"]
    automation_id: str = ""
    duration_ms: int | None = None
    message: str = ""


def projects() -> Request[Page[Project]]:
    """All projects, by name."""
    return Request(method="GET", path="/projects", answer=Page[Project])


def cases(
    project: str,
    *,
    text: str | None = None,
    status: str | None = None,
    priority: str | None = None,
    kind: str | None = None,
    type: str | None = None,
    tag: str | None = None,
    page_size: int = PAGE_SIZE,
) -> Request[Page[Case]]:
    """A project's test cases, newest first."""
    query = {
        "text": text, "status": status, "priority": priority, "kind": kind, "type": type, "tag": tag,
        "limit": page_size,
    }  # fmt: skip
    return Request(method="GET", path=below("projects", project, "cases"), query=query, answer=Page[Case])


def send_results(
    project: str,
    results: bytes | Sequence[Result],
    *,
    cycle: str | None = None,
    unmatched: Literal["create", "skip"] | None = None,
) -> Request[AcceptedImport]:
    """Results of automated tests: a JUnit XML file's bytes, or a list. The same again changes nothing."""
    xml = isinstance(results, bytes)
    return Request(
        method="POST", path=below("projects", project, "results"), query={"cycle": cycle, "unmatched": unmatched},
        body=results if xml else {"items": results}, content_type=XML if xml else JSON, answer=AcceptedImport,
    )  # fmt: skip


def import_report(
    import_id: str,
    *,
    outcome: Literal["created", "updated", "matched", "unchanged", "skipped"] | None = None,
    cursor: str | None = None,
    page_size: int = PAGE_SIZE,
) -> Request[ImportReport]:
    """How far an import is, and one page of what became of each line."""
    query = {"outcome": outcome, "cursor": cursor, "limit": page_size}
    return Request(method="GET", path=below("imports", import_id), query=query, answer=ImportReport)
