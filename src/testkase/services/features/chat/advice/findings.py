"""What the small model is told of what was found: one of a few sentences of ours. Nobody else's word reaches it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from testkase.services.features.chat.tools.model import Found


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A sentence about what was found, and how the advice on it begins: a small model goes on from a verb."""

    said: str
    start: str


EMPTY = Finding(said="The project has no test cases yet.", start="Write ")
DRAFTS = Finding(said="Some test cases of the project are drafts.", start="Finish the ")
COUNTED = Finding(said="The test cases of the project are ready.", start="Look at the ")
MATCHES = Finding(said="Some test cases have to do with the question.", start="Read the ")
CASE_FAILED = Finding(said="The test case failed in its newest cycle.", start="Look at the ")
CASE_FINE = Finding(said="The test case did not fail in its newest cycle.", start="Read the ")
UNDER_WAY = Finding(said="A test cycle is running, and some of its cases are not executed yet.", start="Execute the ")
CYCLES_FAILED = Finding(said="Cases failed in the newest test cycles.", start="Look at the ")
CYCLES_FINE = Finding(said="The newest test cycles are executed, and no case failed.", start="Look at the ")
FLAKY = Finding(said="Some test cases went back and forth between passed and failed.", start="Run the ")
FAILURES = Finding(said="Some test cases failed in the newest cycles.", start="Look at the ")
MISSING = Finding(said="Some kinds of test cases are missing.", start="Write a test case ")
NEVER_EXECUTED = Finding(said="Some test cases were never executed.", start="Execute the ")

FINDINGS = (
    EMPTY, DRAFTS, COUNTED, MATCHES, CASE_FAILED, CASE_FINE, UNDER_WAY, CYCLES_FAILED, CYCLES_FINE, FLAKY, FAILURES,
    MISSING, NEVER_EXECUTED,
)  # fmt: skip
"""All there are: estimates go by the longest."""


def finding_of(results: Sequence[Found]) -> Finding | None:
    """The most telling thing that was found; None where there is nothing to advise on."""
    return next((finding for one in results if (finding := _OF[one.tool](one)) is not None), None)


def _counts(found: Found) -> Finding:
    if not found.facts["cases"]:
        return EMPTY
    return DRAFTS if found.facts["draft"] else COUNTED


def _search(found: Found) -> Finding | None:
    return MATCHES if found.rows else None


def _case(found: Found) -> Finding | None:
    if not found.facts["found"]:
        return None
    newest = found.facts["results"][:1]
    return CASE_FAILED if newest and newest[0]["result"] == "failed" else CASE_FINE


def _cycles(found: Found) -> Finding | None:
    rows = found.rows or ((found.facts,) if found.facts.get("found") else ())
    if not rows:
        return None
    if any(row["state"] == "running" and row["not_executed"] for row in rows):
        return UNDER_WAY
    return CYCLES_FAILED if any(row["failed"] for row in rows) else CYCLES_FINE


def _flaky(found: Found) -> Finding | None:
    return FLAKY if found.rows else None


def _failures(found: Found) -> Finding | None:
    return FAILURES if found.rows else None


def _coverage(found: Found) -> Finding | None:
    if found.facts["missing"] or any(row["missing"] for row in found.rows):
        return MISSING
    return NEVER_EXECUTED if found.facts["never_executed"] else None


_OF: Mapping[str, Callable[[Found], Finding | None]] = {
    "counts": _counts,
    "search_cases": _search,
    "get_case": _case,
    "list_cycles": _cycles,
    "cycle_progress": _cycles,
    "flaky_cases": _flaky,
    "recent_failures": _failures,
    "coverage_gaps": _coverage,
}
