"""What the pages ask of reports. Every operation needs the organization's tenant context and names it as well.

Whether the person may make reports in the project is asked by the caller, with the roles it has just loaded (P15).

A batch is one interaction: one request of one person (P11), under one hold, with one row in the usage table and one
receipt, however many reports it makes. So This Month Usage, the breakdown and the table count it once and add up, the
estimate on the page is the hold that is opened, and a budget either admits the whole batch or none of it. A report of a
batch whose text is refused has its calls taken out of the charge.
"""

from typing import Literal

import msgspec

from testkase.core.ledger.current import current_balance
from testkase.core.ledger.limits.queries import check_admission
from testkase.core.ledger.model import Subject
from testkase.foundation.database import Operation, Row, Statement, named_statements
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.audit import Activity, Actor, record
from testkase.services.features.admission import must_be_on, must_cover
from testkase.services.features.reports.facts.reading import has_cycle
from testkase.services.features.reports.model import (
    CYCLE_CHOICES,
    KINDS,
    NAMES,
    USE_CASE,
    Facts,
    Narrative,
    Options,
    Progress,
    ReportRow,
    ReportView,
    Sibling,
)

SQL = named_statements("testkase.services.features.reports.sql", "statements.sql")

MAX_UNDER_WAY = 3
"""Runs one person may have queued or running."""
NO_CYCLE = "There is no test cycle yet. Plan one, execute cases in it, and reports have something to go by."


class TooManyRuns(Conflict):
    """The person has as many runs under way as one person may (fact: `limit`)."""

    code = "too_many_reports"
    title = "Wait for reports to finish"


def request_reports(
    org_id: int,
    *,
    project_id: int,
    project_key: str,
    user_id: int,
    user_ref: str,
    options: Options,
    estimate: int = 0,
    origin: Literal["person", "schedule"] = "person",
) -> Operation[tuple[int, int]]:
    """Write the request down; answers the run's id and its first report's. The caller defers the job in the same
    transaction.

    `estimate`: micro-credits it can cost at most, refused here already when the balance does not cover it (P18).
    Raises InvalidInput, AiDisabled, Indebted, InsufficientCredits, Paused, BudgetExceeded, TooManyRuns.
    """
    _check(options)
    account = yield from current_balance(org_id)
    must_be_on(account)
    if not (yield from has_cycle(org_id, project_id, options.cycle_id)):
        raise InvalidInput(NO_CYCLE if options.cycle_id is None else "There is no such test cycle.", field="cycle")
    must_cover(account, estimate, what="This")
    yield from check_admission(org_id, Subject(use_case=USE_CASE, user=user_ref, project=project_key), estimate)
    yield from _not_too_many(org_id, user_id)
    run = {
        "org_id": org_id,
        "project_id": project_id,
        "project_ref": project_key,
        "requested_by": user_id,
        "user_ref": user_ref,
        "options": msgspec.json.encode(options).decode(),
        "origin": origin,
        "progress": msgspec.json.encode(Progress(total=len(options.kinds))).decode(),
    }
    return (yield from _insert(run, options))


def _not_too_many(org_id: int, user_id: int) -> Operation[None]:
    yield Statement(SQL["give_up_lost"], {"org_id": org_id, "user_id": user_id})
    under_way = yield Statement(SQL["count_under_way"], {"org_id": org_id, "user_id": user_id})
    if under_way[0]["count"] >= MAX_UNDER_WAY:
        raise TooManyRuns(
            f"You have {MAX_UNDER_WAY} requests for reports under way. Wait for one of them to finish.",
            limit=MAX_UNDER_WAY,
        )


def report(org_id: int, project_id: int, report_id: int) -> Operation[ReportView]:
    """A report with what is known of its run. Raises NotFound."""
    params = {"org_id": org_id, "project_id": project_id, "report_id": report_id}
    rows = yield Statement(SQL["find_report"], params)
    if not rows:
        raise NotFound("There is no such report.")
    row = rows[0]
    siblings = yield Statement(SQL["siblings"], {"org_id": org_id, "run_id": row["run_id"]})
    return ReportView(
        **{
            **row,
            "facts": msgspec.json.decode(row["facts"], type=Facts) if row["facts"] else None,
            "narrative": msgspec.json.decode(row["narrative"], type=Narrative) if row["narrative"] else None,
            "options": msgspec.json.decode(row["options"], type=Options),
            "progress": msgspec.json.decode(row["progress"], type=Progress),
        },
        siblings=tuple(Sibling(**one) for one in siblings),
    )


def reports(org_id: int, project_id: int, *, limit: int, before: int | None = None) -> Operation[list[ReportRow]]:
    """A project's reports, newest first. `before`: only older than this id, for the next page."""
    params = {"org_id": org_id, "project_id": project_id, "limit": limit, "before": before}
    rows = yield Statement(SQL["list_reports"], params)
    return [ReportRow(**row) for row in rows]


def ask_to_cancel(org_id: int, run_id: int) -> Operation[None]:
    """End a run that is under way: texts that are finished stay, and what was used is charged. One that has ended stays
    as it is."""
    yield Statement(SQL["ask_to_cancel"], {"org_id": org_id, "run_id": run_id})


def delete_report(org_id: int, project_id: int, report_id: int, *, project_key: str, actor: Actor) -> Operation[None]:
    """Take a report away; what it cost stays in the usage. Raises NotFound, Conflict while its run goes on."""
    params = {"org_id": org_id, "project_id": project_id, "report_id": report_id}
    if not (yield Statement(SQL["find_report"], params)):
        raise NotFound("There is no such report.")
    gone: list[Row] = yield Statement(SQL["delete_report"], params)
    if not gone:
        raise Conflict("This report is being written. It can be deleted when it is finished.")
    yield Statement(SQL["delete_empty_run"], {"org_id": org_id, "run_id": gone[0]["run_id"]})
    name = NAMES[gone[0]["kind"]]
    yield from record(org_id, Activity(action="report.deleted", actor=actor, target=name, project=project_key))


def _check(options: Options) -> None:
    if not options.kinds or len(set(options.kinds)) < len(options.kinds) or not set(options.kinds) <= set(KINDS):
        raise InvalidInput("Choose at least one report.", field="kinds")
    if options.cycles not in CYCLE_CHOICES:
        raise InvalidInput("Choose how many cycles to look back on.", field="cycles")


def _insert(run: Row, options: Options) -> Operation[tuple[int, int]]:
    [made] = yield Statement(SQL["insert_run"], run)
    reports = {
        "org_id": run["org_id"],
        "project_id": run["project_id"],
        "run_id": made["run_id"],
        "kinds": list(options.kinds),
        "model": options.model,
    }
    rows = yield Statement(SQL["insert_reports"], reports)
    return int(made["run_id"]), int(rows[0]["report_id"])
