"""Generating test cases: write a requirement, see the estimate, press Generate, watch drafts arrive, decide on each."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_htmx.http import trigger_client_event
from procrastinate.contrib.django import app as jobs

from testkase.core.access import Action
from testkase.core.ledger.refusals import AiDisabled, BudgetExceeded, InsufficientCredits, Paused
from testkase.entrypoints.web.errors import status_of
from testkase.entrypoints.web.live import current_balance
from testkase.entrypoints.web.offer import catalog, current_prices, entry_of
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.workspace.doors import project_facts, visible_project
from testkase.entrypoints.web.views.workspace.filters import chosen_folder
from testkase.foundation.clock import utc_now
from testkase.foundation.problems import Conflict, Forbidden, InvalidInput, NotFound, Problem
from testkase.services.features.generation import operations
from testkase.services.features.generation.estimate import estimate as estimate_of
from testkase.services.features.generation.hint import quality_hint
from testkase.services.features.generation.model import (
    DEFAULT_CASES,
    MAX_CASES,
    MAX_REQUIREMENT,
    USE_CASE,
    GenerationView,
    Options,
)
from testkase.services.metering.problems import SWITCHED_OFF
from testkase.services.metering.quality import Ladder, choose_model, ladder, settings_of
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.folders import list_folders
from testkase.services.workspace.model import Project

EXAMPLE = (
    "A signed-in customer applies a voucher code at checkout. A code takes 10 % off the items and can be used once per"
    " customer. Codes that have expired or were used before are refused with a reason. After 30 minutes without"
    " activity the cart is released and the voucher can be used again. Only a shop manager can create codes."
)

_OFF = "AI is switched off for this organization. Only the Owner can switch it on."


@require_http_methods(["GET", "POST"])
@never_cache
def new(request: MemberRequest, project_key: str) -> HttpResponse:
    """The form, and starting a generation. A refusal comes back into the form with what was written kept."""
    project = _project(request, project_key, off_too=request.method == "POST")
    facts = _form_facts(request, project)
    if request.method == "GET":
        return render(request, "testkase/generate.html", facts)
    try:
        generation_id = _start(request, project)
    except AiDisabled:  # between opening the form and sending it: the page says so, and keeps what was written
        return render(request, "testkase/generate.html", facts, status=403)
    except (InvalidInput, InsufficientCredits, BudgetExceeded, Paused, Conflict) as problem:
        status = 422 if isinstance(problem, Conflict) else status_of(problem)
        return render(request, "testkase/generate.html", {**facts, "problem": problem}, status=status)
    return redirect("generation", project.key, generation_id)


@require_POST
def estimate(request: MemberRequest, project_key: str) -> HttpResponse:
    """While the requirement is written: how good it is to generate from, and what it will cost (B9, R68)."""
    project = _project(request, project_key)
    return render(request, "testkase/_estimate.html", _form_facts(request, project))


@require_safe
@never_cache
def show(request: MemberRequest, project_key: str, generation_id: int) -> HttpResponse:
    """A generation.

    While it runs, HTMX asks every 600 ms for the progress and for the drafts it has not seen yet, so that what is on
    screen stays as the person left it; the last answer also renews the balance.
    """
    project = visible_project(request.viewer, project_key)
    view = _generation(request, project, generation_id)
    seen = number(request.GET.get("seen")) or 0
    arrived = [draft for draft in view.drafts if draft.position > seen]
    facts = {
        **project_facts(request.viewer, project),
        "generation": view,
        "folders": run_here(list_folders(request.viewer.org_id, project.project_id)),
        "arrived": arrived,
        "demonstration": bool((entry := entry_of(view.options.model)) and entry.small),
        "seconds": max(0, int((utc_now() - view.created_at).total_seconds())),
        "switched_off": view.error == SWITCHED_OFF,
        "may_erase": request.viewer.can(Action.GOVERN_DATA),
        "seen": max((draft.position for draft in view.drafts), default=0),
    }
    if not request.headers.get("HX-Request"):
        return render(request, "testkase/generation.html", facts)
    response = render(request, "testkase/_generation.html", facts)
    return trigger_client_event(response, "balance-changed") if view.finished else response


@require_POST
def decide(request: MemberRequest, project_key: str, generation_id: int, position: int) -> HttpResponse:
    """Accept a draft as a test case, or reject it. Answers the draft as it now stands."""
    project = visible_project(request.viewer, project_key)
    if not request.viewer.can_in(project, Action.EDIT_CASES):
        raise Forbidden("Your role in this project does not allow editing test cases.")
    _must_be_on(request, "While AI is off, drafts can be read but not decided on.")
    _generation(request, project, generation_id)
    org_id, user_id = request.viewer.org_id, request.viewer.user.pk
    folders = run_here(list_folders(org_id, project.project_id))
    if request.POST.get("decision") == "accept":
        folder_id = chosen_folder(request.POST, folders)
        run_here(operations.accept_draft(org_id, generation_id, position, user_id=user_id, folder_id=folder_id))
    else:
        run_here(operations.reject_draft(org_id, generation_id, position, user_id=user_id))
    if not request.headers.get("HX-Request"):
        return redirect("generation", project.key, generation_id)
    view = _generation(request, project, generation_id)
    draft = next(draft for draft in view.drafts if draft.position == position)
    facts = {**project_facts(request.viewer, project), "generation": view, "draft": draft, "folders": folders}
    return render(request, "testkase/_draft.html", facts)


def _project(request: MemberRequest, project_key: str, *, off_too: bool = False) -> Project:
    """The project, if the viewer may generate in it and AI is on: hidden otherwise, and refused when asked directly.

    `off_too`: whether AI is on is asked by what follows.
    """
    project = visible_project(request.viewer, project_key)
    if not request.viewer.can_in(project, Action.GENERATE_CASES):
        raise Forbidden("You need the permission to generate in this project. Ask a project admin.")
    if not off_too:
        _must_be_on(request)
    return project


def _must_be_on(request: MemberRequest, refusal: str = _OFF) -> None:
    if not run_here(current_balance(request.viewer.org_id)).ai_enabled:
        raise AiDisabled(refusal)


def _generation(request: MemberRequest, project: Project, generation_id: int) -> GenerationView:
    view = run_here(operations.generation(request.viewer.org_id, generation_id))
    if view.project_id != project.project_id:
        raise NotFound("There is no such generation.")
    return view


def _start(request: MemberRequest, project: Project) -> int:
    """The request and its job, in one transaction: neither is there without the other."""
    _must_be_on(request)
    requirement, options = request.POST.get("requirement", ""), _options(request)
    viewer = request.viewer
    expected = estimate_of(requirement, options, current_prices(), entry_of(options.model))
    generation_id = run_here(
        operations.request_generation(
            viewer.org_id,
            project_id=project.project_id,
            project_key=project.key,
            user_id=viewer.user.pk,
            user_ref=viewer.user.ref,
            requirement=requirement,
            options=options,
            estimate=expected.most,
        )
    )
    job = jobs.configure_task("generation.run", queue="ai")
    job.defer(org_id=viewer.org_id, generation_id=generation_id)
    return generation_id


def _form_facts(request: MemberRequest, project: Project) -> dict[str, Any]:
    requirement = request.POST.get("requirement", "")
    facts: dict[str, Any] = {
        **project_facts(request.viewer, project),
        "requirement": requirement,
        "cases": request.POST.get("cases") or DEFAULT_CASES,
        "case_choices": range(1, MAX_CASES + 1),
        **_level_facts(request),
        "longest": MAX_REQUIREMENT,
        "example": EXAMPLE,
        "may_buy": request.viewer.can(Action.BUY_CREDITS),
        "may_set_budgets": request.viewer.can(Action.SET_BUDGETS),
        "hint": quality_hint(requirement) if requirement.strip() else None,
        "estimate": None,
        "balance": run_here(current_balance(request.viewer.org_id)),
    }
    try:
        options = _options(request)
        facts["estimate"] = estimate_of(requirement, options, current_prices(), entry_of(options.model))
    except Problem:
        return facts
    return facts


def _level_facts(request: MemberRequest) -> dict[str, Any]:
    """The levels there are to choose from, none where only the Owner chooses, and the model that will be used."""
    steps, setting = _ladder(), run_here(settings_of(request.viewer.org_id))[USE_CASE]
    level = request.POST.get("level", "")
    level = level if setting.free_choice and level in steps else setting.level
    differ = len({entry.name for entry in steps.values()}) > 1
    return {
        "levels": list(steps.items()) if setting.free_choice and differ else [],
        "level": level,
        "chosen": next((entry for name, entry in steps.items() if name == level), None),
    }


def _ladder() -> Ladder:
    return ladder(catalog(), current_prices(), USE_CASE)


def _options(request: MemberRequest) -> Options:
    wanted = request.POST.get("level") or None
    chosen = run_here(choose_model(request.viewer.org_id, USE_CASE, _ladder(), wanted=wanted))
    cases = number(request.POST.get("cases") or str(DEFAULT_CASES))
    if cases is None or not 1 <= cases <= MAX_CASES:
        raise InvalidInput(f"Ask for 1 to {MAX_CASES} test cases.", field="cases")
    return Options(model=chosen.entry.name, level=chosen.level, cases=cases)
