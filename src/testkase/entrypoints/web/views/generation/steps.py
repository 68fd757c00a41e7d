"""Further steps for one test case: asked for once, shown beside the current ones, taken over one by one."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from django_htmx.http import trigger_client_event
from procrastinate.contrib.django import app as jobs

from testkase.core.access import Action
from testkase.core.ledger.current import current_balance
from testkase.core.ledger.refusals import AiDisabled, BudgetExceeded, InsufficientCredits, Paused
from testkase.entrypoints.web.errors import status_of
from testkase.entrypoints.web.levels import current_ladder, level_facts, wanted_level
from testkase.entrypoints.web.limited import limits_on
from testkase.entrypoints.web.offer import current_prices
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.generation.doors import generating_project, must_be_on
from testkase.entrypoints.web.views.generation.watching import progress_facts
from testkase.entrypoints.web.views.workspace.doors import project_facts, project_for, visible_project
from testkase.foundation.problems import Conflict, InvalidInput, NotFound, Problem
from testkase.services.features.generation.deciding import DraftDecided, reject_draft
from testkase.services.features.generation.history import usual_cost
from testkase.services.features.generation.model import USE_CASE, GenerationView
from testkase.services.features.generation.operations import generation
from testkase.services.features.generation.steps.asking import (
    accept_step,
    latest_steps,
    options_for,
    request_steps,
    step_estimate,
    step_work,
)
from testkase.services.metering.quality import choose_model
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.cases import find_case
from testkase.services.workspace.model import Project, TestCase


@require_http_methods(["GET", "POST"])
@never_cache
def page(request: MemberRequest, project_key: str, case_key: str) -> HttpResponse:
    """The case's steps with what was suggested beside them; sending the form asks for suggestions."""
    viewer = request.viewer
    if request.method == "POST":
        project = generating_project(request, project_key, off_too=True)
        case = run_here(find_case(viewer.org_id, project.project_id, case_key))
        return _ask(request, project, case)
    project = visible_project(viewer, project_key)
    case = run_here(find_case(viewer.org_id, project.project_id, case_key))
    facts = _facts(request, project, case)
    if not request.headers.get("HX-Request"):
        return render(request, "testkase/steps/page.html", facts)
    response = render(request, "testkase/steps/_board.html", {**facts, "oob": True})
    shown: GenerationView | None = facts["generation"]
    return trigger_client_event(response, "balance-changed") if shown and shown.finished else response


@require_POST
def decide(request: MemberRequest, project_key: str, case_key: str, suggestion_id: int, position: int) -> HttpResponse:
    """Take a suggested step over, or put it aside. HTMX gets the board as it now stands, whoever was faster."""
    viewer = request.viewer
    project = project_for(viewer, project_key, Action.EDIT_CASES)
    must_be_on(request, "While AI is off, suggestions can be read but not decided on.")
    case = run_here(find_case(viewer.org_id, project.project_id, case_key))
    if run_here(generation(viewer.org_id, suggestion_id)).case_key != case.key:
        raise NotFound("There is no such suggestion.")
    decision = accept_step if request.POST.get("decision") == "accept" else reject_draft
    try:
        run_here(decision(viewer.org_id, suggestion_id, position, user_id=viewer.user.pk))
    except DraftDecided:
        if not request.headers.get("HX-Request"):
            raise
    if not request.headers.get("HX-Request"):
        return redirect("case_steps", project.key, case.key)
    case = run_here(find_case(viewer.org_id, project.project_id, case_key))
    return render(request, "testkase/steps/_board.html", {**_facts(request, project, case), "oob": True})


def _ask(request: MemberRequest, project: Project, case: TestCase) -> HttpResponse:
    try:
        _start(request, project, case)
    except AiDisabled:  # between opening the page and asking: the page itself says so
        return render(request, "testkase/steps/page.html", _facts(request, project, case), status=403)
    except (InvalidInput, InsufficientCredits, BudgetExceeded, Paused, Conflict) as problem:
        status = 422 if isinstance(problem, Conflict) else status_of(problem)
        facts = {**_facts(request, project, case), "problem": problem}
        return render(request, "testkase/steps/page.html", facts, status=status)
    return redirect("case_steps", project.key, case.key)


def _start(request: MemberRequest, project: Project, case: TestCase) -> None:
    """The request and its job, in one transaction."""
    must_be_on(request)
    viewer = request.viewer
    wanted = request.POST.get("level") or None
    chosen = run_here(choose_model(viewer.org_id, USE_CASE, current_ladder(USE_CASE), wanted=wanted))
    options = options_for(case.content, chosen.entry, chosen.level)
    generation_id = run_here(
        request_steps(
            viewer.org_id,
            project,
            case,
            user_id=viewer.user.pk,
            user_ref=viewer.user.ref,
            options=options,
            estimate=step_estimate(case.content, options, current_prices(), chosen.entry).most,
        )
    )
    jobs.configure_task("generation.run", queue="ai").defer(org_id=viewer.org_id, generation_id=generation_id)


def _facts(request: MemberRequest, project: Project, case: TestCase) -> dict[str, Any]:
    viewer = request.viewer
    view = run_here(latest_steps(viewer.org_id, case.key))
    facts: dict[str, Any] = {
        **project_facts(viewer, project, "cases"),
        "case": case,
        "generation": None,
        "balance": run_here(current_balance(viewer.org_id)),
        **level_facts(request.viewer.org_id, USE_CASE, wanted_level(request)),
    }
    facts |= _cost(request, case, facts)
    facts |= limits_on(viewer, project.key, USE_CASE, facts["estimate"] and facts["estimate"].most)
    return {**facts, **progress_facts(request, view)} if view is not None else facts


def _cost(request: MemberRequest, case: TestCase, facts: dict[str, Any]) -> dict[str, Any]:
    entry = facts["chosen"]
    if entry is None:
        return {"estimate": None, "usual": None}
    options = options_for(case.content, entry, facts["level"])
    drafts = step_work(case.content, options).total(entry)
    book = current_prices()
    try:
        expected = step_estimate(case.content, options, book, entry)
    except Problem:
        expected = None
    return {
        "estimate": expected,
        "usual": run_here(usual_cost(request.viewer.org_id, options.model, drafts, book, of_steps=True)),
    }
