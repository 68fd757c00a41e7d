"""Asking for test cases: write a requirement, choose, see the estimate, press Generate."""

from typing import Any, get_args

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from procrastinate.contrib.django import app as jobs

from testkase.core.ledger.current import current_balance
from testkase.core.ledger.refusals import AiDisabled, BudgetExceeded, InsufficientCredits, Paused
from testkase.entrypoints.web.errors import status_of
from testkase.entrypoints.web.levels import current_ladder, level_facts
from testkase.entrypoints.web.limited import limits_on
from testkase.entrypoints.web.offer import current_prices, entry_of
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.generation.doors import (
    generating_project,
    generation_in,
    must_be_on,
)
from testkase.entrypoints.web.views.workspace.doors import project_facts
from testkase.entrypoints.web.views.workspace.filters import chosen_folder
from testkase.foundation.problems import Conflict, InvalidInput, Problem
from testkase.services.features.generation.estimate import estimate as estimate_of
from testkase.services.features.generation.hint import quality_hint
from testkase.services.features.generation.history import usual_cost
from testkase.services.features.generation.ideas.choosing import ideas_for
from testkase.services.features.generation.model import (
    DEFAULT_CASES,
    MAX_CASES,
    MAX_REQUIREMENT,
    ORDINARY_KINDS,
    USE_CASE,
    Options,
    brief_of,
)
from testkase.services.features.generation.operations import request_generation
from testkase.services.metering.quality import choose_model
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.folders import list_folders
from testkase.services.workspace.model import CaseKind, Project

EXAMPLE = (
    "A signed-in customer applies a voucher code at checkout. A code takes 10 % off the items and can be used once per"
    " customer. Codes that have expired or were used before are refused with a reason. After 30 minutes without"
    " activity the cart is released and the voucher can be used again. Only a shop manager can create codes."
)
KINDS: tuple[CaseKind, ...] = get_args(CaseKind)


@require_http_methods(["GET", "POST"])
@never_cache
def new(request: MemberRequest, project_key: str) -> HttpResponse:
    """The form, and starting a generation. A refusal comes back into the form with what was written kept."""
    project = generating_project(request, project_key, off_too=request.method == "POST")
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
    project = generating_project(request, project_key)
    return render(request, "testkase/_estimate.html", _form_facts(request, project))


def _start(request: MemberRequest, project: Project) -> int:
    """The request and its job, in one transaction: neither is there without the other."""
    must_be_on(request)
    viewer, options = request.viewer, _options(request)
    expected = estimate_of(_brief(request), options, current_prices(), entry_of(options.model))
    generation_id = run_here(
        request_generation(
            viewer.org_id,
            project_id=project.project_id,
            project_key=project.key,
            user_id=viewer.user.pk,
            user_ref=viewer.user.ref,
            requirement=request.POST.get("requirement", ""),
            criteria=request.POST.get("criteria", ""),
            folder_id=chosen_folder(request.POST, run_here(list_folders(viewer.org_id, project.project_id))),
            options=options,
            estimate=expected.most,
        )
    )
    job = jobs.configure_task("generation.run", queue="ai")
    job.defer(org_id=viewer.org_id, generation_id=generation_id)
    return generation_id


def _form_facts(request: MemberRequest, project: Project) -> dict[str, Any]:
    requirement, criteria = _written(request, project)
    brief = brief_of(requirement.strip(), criteria.strip())
    chosen = _kinds(request) or ORDINARY_KINDS
    viewer = request.viewer
    facts: dict[str, Any] = {
        **project_facts(viewer, project),
        "requirement": requirement,
        "criteria": criteria,
        "cases": request.POST.get("cases") or DEFAULT_CASES,
        "case_choices": range(1, MAX_CASES + 1),
        "kinds": [(kind, kind in chosen) for kind in KINDS],
        "folders": run_here(list_folders(viewer.org_id, project.project_id)),
        "folder": number(request.POST.get("folder") or request.GET.get("folder")),
        **level_facts(request.viewer.org_id, USE_CASE, request.POST.get("level", "")),
        "longest": MAX_REQUIREMENT,
        "example": EXAMPLE,
        "hint": quality_hint(brief, _kinds(request)) if brief.strip() else None,
        "balance": run_here(current_balance(viewer.org_id)),
    }
    facts |= _cost(request, brief)
    return facts | limits_on(viewer, project.key, USE_CASE, facts["estimate"] and facts["estimate"].most)


def _cost(request: MemberRequest, brief: str) -> dict[str, Any]:
    """What the run will likely come to, can come to, and what runs like it have come to."""
    try:
        options = _options(request)
    except Problem:
        return {"estimate": None, "usual": None}
    entry = entry_of(options.model)
    small = entry is not None and entry.small
    drafts = len(ideas_for(brief, options.cases, options.kinds)) if small else options.cases
    book = current_prices()
    return {
        "estimate": estimate_of(brief, options, book, entry),
        "usual": run_here(usual_cost(request.viewer.org_id, options.model, drafts, book)),
    }


def _written(request: MemberRequest, project: Project) -> tuple[str, str]:
    """Requirement and criteria: as sent, or those of an earlier generation that is tried again."""
    earlier = number(request.GET.get("again")) if request.method == "GET" else None
    if earlier is None:
        return request.POST.get("requirement", ""), request.POST.get("criteria", "")
    view = generation_in(request, project, earlier)
    return view.requirement, view.criteria


def _brief(request: MemberRequest) -> str:
    return brief_of(request.POST.get("requirement", "").strip(), request.POST.get("criteria", "").strip())


def _kinds(request: MemberRequest) -> tuple[CaseKind, ...]:
    """The kinds ticked; none where they are the ordinary ones, which leaves the choice to the requirement."""
    ticked = request.POST.getlist("kinds")
    kinds = tuple(kind for kind in KINDS if kind in ticked)
    return () if set(kinds) == set(ORDINARY_KINDS) else kinds


def _options(request: MemberRequest) -> Options:
    wanted = request.POST.get("level") or None
    chosen = run_here(choose_model(request.viewer.org_id, USE_CASE, current_ladder(USE_CASE), wanted=wanted))
    cases = number(request.POST.get("cases") or str(DEFAULT_CASES))
    if cases is None or not 1 <= cases <= MAX_CASES:
        raise InvalidInput(f"Ask for 1 to {MAX_CASES} test cases.", field="cases")
    if set(request.POST.getlist("kinds")) - set(KINDS):
        raise InvalidInput("Choose kinds from the list.", field="kinds")
    return Options(model=chosen.entry.name, level=chosen.level, cases=cases, kinds=_kinds(request))
