"""Executing a case of a cycle: read the steps, say what it came to, go on to the next."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from testkase.core.access import Action
from testkase.entrypoints.web.errors import status_of
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.workspace.cycle_form import milliseconds
from testkase.entrypoints.web.views.workspace.doors import project_facts, project_for, visible_project
from testkase.foundation.problems import Conflict, InvalidInput
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.cases import find_case
from testkase.services.workspace.cycles import find_cycle, take_out_of_cycle
from testkase.services.workspace.executions import execute, executions_of, find_entry, place_of
from testkase.services.workspace.model import Outcome, Project


@require_http_methods(["GET", "POST"])
def show(request: MemberRequest, project_key: str, cycle_id: int, case_key: str) -> HttpResponse:
    """A case to execute. What was said stays in the form when it cannot be."""
    viewer = request.viewer
    if request.method == "GET":
        return _page(request, visible_project(viewer, project_key), cycle_id, case_key)
    project = project_for(viewer, project_key, Action.RUN_CYCLES)
    run_here(find_cycle(viewer.org_id, project.project_id, cycle_id))
    entry = run_here(find_entry(viewer.org_id, cycle_id, case_key))
    try:
        outcome = _outcome(request)
        run_here(execute(viewer.org_id, project.project_id, cycle_id, case_key, outcome, by=viewer.user.pk))
    except (InvalidInput, Conflict) as problem:  # the cycle may have been finished while somebody wrote
        return _page(request, project, cycle_id, case_key, problem=problem)
    messages.success(request, f"{case_key}: {outcome.result}.")
    following = run_here(place_of(viewer.org_id, cycle_id, entry.case_id)).following
    if following is None:
        return redirect("cycle", project.key, cycle_id)
    return redirect("execution", project.key, cycle_id, following)


@require_POST
def take_out(request: MemberRequest, project_key: str, cycle_id: int, case_key: str) -> HttpResponse:
    """Take a case that was never executed out of the cycle."""
    viewer = request.viewer
    project = project_for(viewer, project_key, Action.RUN_CYCLES)
    run_here(find_cycle(viewer.org_id, project.project_id, cycle_id))
    run_here(find_entry(viewer.org_id, cycle_id, case_key))
    run_here(take_out_of_cycle(viewer.org_id, project.project_id, cycle_id, case_key))
    messages.success(request, f"{case_key} was taken out.")
    return redirect("cycle", project.key, cycle_id)


def _outcome(request: MemberRequest) -> Outcome:
    result: Any = request.POST.get("result", "")
    return Outcome(
        result=result,
        comment=request.POST.get("comment", ""),
        defect=request.POST.get("defect", ""),
        duration_ms=milliseconds(request.POST.get("duration", "")),
    )


def _page(
    request: MemberRequest,
    project: Project,
    cycle_id: int,
    case_key: str,
    *,
    problem: InvalidInput | Conflict | None = None,
) -> HttpResponse:
    org_id = request.viewer.org_id
    cycle = run_here(find_cycle(org_id, project.project_id, cycle_id))
    entry = run_here(find_entry(org_id, cycle_id, case_key))
    facts = {
        **project_facts(request.viewer, project, "cycles"),
        "cycle": cycle,
        "entry": entry,
        "case": run_here(find_case(org_id, project.project_id, case_key)),
        "place": run_here(place_of(org_id, cycle_id, entry.case_id)),
        "executions": run_here(executions_of(org_id, cycle_id, entry.case_id)),
        "problem": problem,
        "field": problem.field if problem else None,
        "said": request.POST,
    }
    return render(request, "testkase/workspace/execution.html", facts, status=status_of(problem) if problem else 200)
