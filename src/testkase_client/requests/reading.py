"""Balance, lots, usage, statements, the activity history, and what problems mean."""

from datetime import datetime
from typing import Literal

from testkase_client.amounts import time_text
from testkase_client.answers.reading import (
    AuditEvent,
    Balance,
    CallReceipt,
    FullStatement,
    Interaction,
    Lot,
    ProblemMeaning,
    Statement,
    UsageSummary,
)
from testkase_client.request import Page, Request, below

PAGE_SIZE = 200
"""The most the API gives on a page."""


def balance() -> Request[Balance]:
    """How the credits stand."""
    return Request(method="GET", path="/balance", answer=Balance)


def lots() -> Request[Page[Lot]]:
    """Lots that still hold credits, in the order in which they are spent."""
    return Request(method="GET", path="/lots", answer=Page[Lot])


def usage(
    *,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    use_case: str | None = None,
    user: str | None = None,
    project: str | None = None,
    page_size: int = PAGE_SIZE,
) -> Request[Page[Interaction]]:
    """AI interactions, newest first. `since` is included, `until` is not."""
    query = {
        "since": time_text(since), "until": time_text(until), "use_case": use_case, "user": user, "project": project,
        "limit": page_size,
    }  # fmt: skip
    return Request(method="GET", path="/usage", query=query, answer=Page[Interaction])


def usage_summary() -> Request[UsageSummary]:
    """The billing month so far, by use case."""
    return Request(method="GET", path="/usage/summary", answer=UsageSummary)


def call_receipt(receipt: str) -> Request[CallReceipt]:
    """Everything one charge follows from."""
    return Request(method="GET", path=below("usage", receipt), answer=CallReceipt)


def statements(*, page_size: int = 12) -> Request[Page[Statement]]:
    """Billing months, newest first."""
    return Request(method="GET", path="/statements", query={"limit": page_size}, answer=Page[Statement])


def statement(period: str) -> Request[FullStatement]:
    """One billing month, such as `2026-11`, in full."""
    return Request(method="GET", path=below("statements", period), answer=FullStatement)


def audit(
    *,
    kind: Literal["ai", "money", "people", "settings", "keys"] | None = None,
    since: datetime | str | None = None,
    until: datetime | str | None = None,
    use_case: str | None = None,
    user: str | None = None,
    project: str | None = None,
    page_size: int = PAGE_SIZE,
) -> Request[Page[AuditEvent]]:
    """Every AI action and every change, newest first."""
    query = {
        "kind": kind, "since": time_text(since), "until": time_text(until), "use_case": use_case, "user": user,
        "project": project, "limit": page_size,
    }  # fmt: skip
    return Request(method="GET", path="/audit", query=query, answer=Page[AuditEvent])


def problem_meaning(code: str) -> Request[ProblemMeaning]:
    """What a problem's code means and what to do about it."""
    return Request(method="GET", path=below("problems", code), answer=ProblemMeaning)
