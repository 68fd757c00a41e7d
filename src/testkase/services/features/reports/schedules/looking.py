"""Looking at schedules that are due: begin the reports, as the person who set them up and with their rights of now."""

from datetime import datetime
from typing import Any

from testkase.core.access import Action, can_in_project
from testkase.core.ledger.refusals import BudgetExceeded, Indebted, InsufficientCredits
from testkase.core.pricing import PriceBook
from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.problems import Problem
from testkase.services.audit import Activity, Actor, record
from testkase.services.features.reports.estimate import estimate, past_tokens
from testkase.services.features.reports.model import USE_CASE, Options
from testkase.services.features.reports.requests import TooManyRuns, request_reports
from testkase.services.features.reports.schedules.setting import LOOK_SECONDS, SQL, WEEK_SECONDS
from testkase.services.inference import Catalog
from testkase.services.metering.quality import choose_model, ladder
from testkase.services.notifications import Notification, notify

MOST_FAULTS = 8
"""Looks in a row that went wrong: over four hours with the pauses between them."""
FAULT = "Something went wrong on our side when the reports were to be begun."

SOON_SECONDS = 300
SOON = "It is tried again in a few minutes."

CLOCK = Actor(kind="system", ref="schedule", name="The schedule")


def due_schedules(limit: int) -> Operation[list[tuple[int, int]]]:
    """Organization and project of schedules that are due, the longest due first."""
    rows = yield Statement(SQL["due"], {"limit": limit})
    return [(row["org_id"], row["project_id"]) for row in rows]


def look_at(org_id: int, project_id: int, *, book: PriceBook, catalog: Catalog) -> Operation[int | None]:
    """One schedule, in a transaction of its own organization; answers the run that was begun, with its job.

    A refusal (AI off, too few credits, a budget) is told on the schedule's page and ends nothing; one that passes as
    soon as calls under way have ended does not cost a week or a cycle. A person who may not make reports any more ends
    it.
    """
    place: dict[str, Any] = {"org_id": org_id, "project_id": project_id}
    rows = yield Statement(SQL["lock"], place)
    if not rows:
        return None
    row = rows[0]
    if row["stopped_because"] is not None or not _allowed(row):
        yield from _stop(place, row)
        return None
    yield Statement(SQL["watch"], {**place, "seconds": WEEK_SECONDS if row["every"] == "week" else LOOK_SECONDS})
    cycle: Row = {}
    if row["every"] == "cycle":
        found = yield Statement(SQL["finished_since"], {**place, "since": row["seen_cycle_at"]})
        if not found:
            return None
        cycle = found[0]
    told, run_id, seen = "", None, cycle.get("finished_at")
    try:
        run_id = yield from _begin(place, row, cycle.get("cycle_id"), book, catalog)
    except Problem as problem:
        told = problem.detail
        if _passes(problem):
            told, seen = f"{told} {SOON}", None
            yield Statement(SQL["watch"], {**place, "seconds": SOON_SECONDS})
    yield Statement(SQL["seen"], {**place, "seen": seen, "told": told})
    return run_id


def _passes(problem: Problem) -> bool:
    """Whether only calls under way are in the way: of what they have set aside most comes back, and runs end."""
    facts = problem.facts
    if isinstance(problem, InsufficientCredits) and not isinstance(problem, Indebted):
        return bool(facts["available"] + facts.get("held", 0) >= facts["needed"])
    if isinstance(problem, BudgetExceeded):
        return bool(facts["limit"] - facts["used"] >= facts["needed"])
    return isinstance(problem, TooManyRuns)


def _allowed(row: Row) -> bool:
    return can_in_project(row["role"], row["project_role"], Action.SCHEDULE_REPORTS, may_generate=row["may_generate"])


def _begin(place: dict[str, Any], row: Row, cycle_id: int | None, book: PriceBook, catalog: Catalog) -> Operation[int]:
    chosen = yield from choose_model(place["org_id"], USE_CASE, ladder(catalog, book, USE_CASE))
    options = Options(model=chosen.entry.name, level=chosen.level, kinds=tuple(row["kinds"]), cycle_id=cycle_id)
    expected = estimate(options, book, chosen.entry, (yield from past_tokens(place["org_id"], options)))
    run_id, _ = yield from request_reports(
        **place,
        project_key=row["key"],
        user_id=row["set_by"],
        user_ref=row["set_by_ref"],
        options=options,
        estimate=expected.most,
        origin="schedule",
    )
    yield Statement(SQL["defer"], {"org_id": place["org_id"], "run_id": run_id})
    return run_id


def look_failed(org_id: int, project_id: int) -> Operation[bool]:
    """A look ended in a fault of ours, and all of it was rolled back. It is looked at again, each time after twice as
    long, and in the end no more; answers whether this was the end. In a transaction of its own, whatever the fault was.
    """
    place: dict[str, Any] = {"org_id": org_id, "project_id": project_id}
    found = yield Statement(SQL["fault"], place)
    if not found:
        return False  # the schedule was removed meanwhile
    if found[0]["faults"] < MOST_FAULTS:
        yield Statement(SQL["tell"], {**place, "told": f"{FAULT} It is tried again by itself."})
        return False
    for project in (yield Statement(SQL["whose"], place)):
        why = f"{FAULT} It was tried {MOST_FAULTS} times"
        yield from _end(place, project["key"], why)
        yield from notify(org_id, _stopped(place, project, why, found[0]["due_at"]))
    return True


def _stopped(place: dict[str, Any], project: Row, why: str, at: datetime) -> Notification:
    return Notification(
        kind="report_schedule.stopped", event_key=f"report_schedule.stopped:{place['project_id']}:{at.isoformat()}",
        title=f"Scheduled reports of {project['name']} were stopped",
        body=f"{why}. Nothing was charged. A project admin can set them up again.",
        link=f"/projects/{project['key']}/reports/schedule", link_label="Open the schedule",
        facts={"project": project["key"]},
    )  # fmt: skip


def _stop(place: dict[str, Any], row: Row) -> Operation[None]:
    """Whoever set it up has left, or may not do it any more: nothing is spent in their name (R41). Those who stay are
    told: they would wait for reports that nobody makes."""
    if row["stopped_because"] is not None:
        yield Statement(SQL["unwatch"], place)
        return
    why = f"{row['set_by_name']} may no longer schedule reports in this project"
    yield from _end(place, row["key"], why)
    yield from notify(place["org_id"], _stopped(place, row, why, row["set_at"]))


def _end(place: dict[str, Any], project_key: str, reason: str) -> Operation[None]:
    yield Statement(SQL["unwatch"], place)
    yield Statement(SQL["stop"], {**place, "reason": f"{reason}. A project admin can set them up again."})
    activity = Activity(
        action="report_schedule.stopped", actor=CLOCK, project=project_key, use_case="report",
        details={"reason": reason},
    )  # fmt: skip
    yield from record(place["org_id"], activity)
