"""Asking for reports: choose them, see what they will cost, press one button for all of them."""

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from procrastinate.contrib.django import app as jobs

from testkase.core.access import Action
from testkase.core.ledger.current import current_balance
from testkase.core.ledger.refusals import AiDisabled, BudgetExceeded, Indebted, InsufficientCredits, Paused
from testkase.entrypoints.web.errors import status_of
from testkase.entrypoints.web.levels import current_ladder, level_facts
from testkase.entrypoints.web.limited import limits_on
from testkase.entrypoints.web.offer import current_prices, entry_of
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.reports.doors import must_be_on, project_to, report_facts
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.foundation.problems import Conflict, InvalidInput, Problem
from testkase.services.features.reports.estimate import Estimate, past_tokens
from testkase.services.features.reports.estimate import estimate as estimate_of
from testkase.services.features.reports.model import (
    CYCLE_CHOICES,
    DEFAULT_CYCLES,
    KINDS,
    NAMES,
    PURPOSES,
    USE_CASE,
    Options,
)
from testkase.services.features.reports.requests import request_reports
from testkase.services.metering.quality import choose_model
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.cycles import list_cycles
from testkase.services.workspace.model import Cycle, Project

_CYCLES = 30
"""Cycles one can choose from."""


@require_http_methods(["GET", "POST"])
@never_cache
def new(request: MemberRequest, project_key: str) -> HttpResponse:
    """The form, and beginning the reports. A refusal comes back into the form with what was chosen kept."""
    project = project_to(request.viewer, project_key, Action.CREATE_REPORT)
    if request.method == "GET":
        must_be_on(request)
        return render(request, "testkase/reports/new.html", _facts(request, project, request.GET))
    facts = _facts(request, project, request.POST)
    try:
        report_id = _start(request, project)
    except AiDisabled:  # between opening the form and sending it: the page says so, and keeps what was chosen
        return render(request, "testkase/reports/new.html", facts, status=403)
    except (InvalidInput, Indebted, InsufficientCredits, BudgetExceeded, Paused, Conflict) as problem:
        status = 422 if isinstance(problem, Conflict) else status_of(problem)
        return render(request, "testkase/reports/new.html", {**facts, "problem": problem}, status=status)
    return redirect("report", project.key, report_id)


@require_POST
def estimate(request: MemberRequest, project_key: str) -> HttpResponse:
    """What the choice will cost, while it is being made (B9)."""
    project = project_to(request.viewer, project_key, Action.CREATE_REPORT)
    must_be_on(request)
    return render(request, "testkase/reports/_estimate.html", _facts(request, project, request.POST))


def _start(request: MemberRequest, project: Project) -> int:
    """The request and its job, in one transaction: neither is there without the other. Answers the first report."""
    must_be_on(request)
    viewer, options = request.viewer, _options(request.viewer.org_id, request.POST)
    expected = _estimate(viewer.org_id, options)
    run_id, report_id = run_here(
        request_reports(
            viewer.org_id,
            project_id=project.project_id,
            project_key=project.key,
            user_id=viewer.user.pk,
            user_ref=viewer.user.ref,
            options=options,
            estimate=expected.most,
        )
    )
    jobs.configure_task("report.run", queue="ai").defer(org_id=viewer.org_id, run_id=run_id)
    return report_id


def _estimate(org_id: int, options: Options) -> Estimate:
    entry = entry_of(options.model)
    assert entry is not None  # `_options` has looked
    return estimate_of(options, current_prices(), entry, run_here(past_tokens(org_id, options)))


def _facts(request: MemberRequest, project: Project, sent: QueryDict) -> dict[str, Any]:
    viewer = request.viewer
    place = (viewer.org_id, project.project_id)
    cycles: list[Cycle] = [cycle for cycle in run_here(list_cycles(*place, limit=_CYCLES)) if cycle.state != "planned"]
    chosen = [kind for kind in KINDS if kind in sent.getlist("kinds")]
    facts: dict[str, Any] = {
        **report_facts(viewer, project),
        "kinds": [(kind, NAMES[kind], PURPOSES[kind], kind in chosen) for kind in KINDS],
        "chosen_kinds": chosen,
        "cycles": cycles,
        "finished": sum(1 for cycle in cycles if cycle.state == "finished"),
        "cycle_id": number(sent.get("cycle")),
        "lookback": number(sent.get("cycles")) or DEFAULT_CYCLES,
        "lookbacks": CYCLE_CHOICES,
        **level_facts(viewer.org_id, USE_CASE, sent.get("level", "")),
        "estimate": None,
        "balance": run_here(current_balance(viewer.org_id)),
    }
    try:
        facts["estimate"] = _estimate(viewer.org_id, _options(viewer.org_id, sent))
    except Problem:
        return facts
    return facts | limits_on(viewer, project.key, USE_CASE, facts["estimate"].most)


def _options(org_id: int, sent: QueryDict) -> Options:
    """What was chosen. Raises InvalidInput."""
    wanted = sent.get("level") or None
    chosen = run_here(choose_model(org_id, USE_CASE, current_ladder(USE_CASE), wanted=wanted))
    kinds = tuple(kind for kind in KINDS if kind in sent.getlist("kinds"))
    if not kinds:
        raise InvalidInput("Choose at least one report.", field="kinds")
    cycle = sent.get("cycle")
    if cycle and number(cycle) is None:
        raise InvalidInput("There is no such test cycle.", field="cycle")
    cycles = number(sent.get("cycles") or str(DEFAULT_CYCLES))
    if cycles not in CYCLE_CHOICES:
        raise InvalidInput("Choose how many cycles to look back on.", field="cycles")
    return Options(model=chosen.entry.name, level=chosen.level, kinds=kinds, cycles=cycles, cycle_id=number(cycle))
