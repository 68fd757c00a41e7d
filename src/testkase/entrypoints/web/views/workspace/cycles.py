"""Test cycles: the list, one cycle with its cases, and what can be done with it."""

from typing import Any, get_args

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from testkase.core.access import Action
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.workspace.cycle_form import CycleForm
from testkase.entrypoints.web.views.workspace.doors import project_facts, project_for, visible_project
from testkase.entrypoints.web.views.workspace.filters import TOP, chosen_folder
from testkase.entrypoints.web.views.workspace.progress import PARTS, bar_of
from testkase.foundation.problems import InvalidInput
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace import cycles
from testkase.services.workspace.executions import list_entries
from testkase.services.workspace.folders import list_folders, with_those_inside
from testkase.services.workspace.model import CycleState, Project

_CYCLES = 20
_ENTRIES = 100


@require_safe
def index(request: MemberRequest, project_key: str) -> HttpResponse:
    """A project's cycles, newest first."""
    viewer = request.viewer
    project = visible_project(viewer, project_key)
    before = number(request.GET.get("before"))
    found = run_here(cycles.list_cycles(viewer.org_id, project.project_id, limit=_CYCLES + 1, before=before))
    facts = {
        **project_facts(viewer, project, "cycles"),
        "cycles": [(cycle, bar_of(cycle.progress)) for cycle in found[:_CYCLES]],
        "next": found[_CYCLES - 1].cycle_id if len(found) > _CYCLES else None,
    }
    return render(request, "testkase/workspace/cycles.html", facts)


@require_safe
def show(request: MemberRequest, project_key: str, cycle_id: int) -> HttpResponse:
    """A cycle: its progress and its cases; HTMX asks for further rows."""
    viewer = request.viewer
    project = visible_project(viewer, project_key)
    cycle = run_here(cycles.find_cycle(viewer.org_id, project.project_id, cycle_id))
    result: Any = request.GET.get("result") if request.GET.get("result") in PARTS else None
    after = number(request.GET.get("after"))
    rows = run_here(list_entries(viewer.org_id, cycle_id, limit=_ENTRIES + 1, after=after, result=result))
    facts = {
        **project_facts(viewer, project, "cycles"),
        "cycle": cycle,
        "bar": bar_of(cycle.progress),
        "result": result,
        "entries": rows[:_ENTRIES],
        "next": rows[_ENTRIES - 1].case_id if len(rows) > _ENTRIES else None,
    }
    if request.headers.get("HX-Request") and after:
        return render(request, "testkase/workspace/_entry_rows.html", facts)
    facts["folders"] = run_here(list_folders(viewer.org_id, project.project_id))
    return render(request, "testkase/workspace/cycle.html", facts)


@require_http_methods(["GET", "POST"])
def new(request: MemberRequest, project_key: str) -> HttpResponse:
    """Plan a cycle; the cases that are ready can come into it at once."""
    viewer = request.viewer
    project = project_for(viewer, project_key, Action.RUN_CYCLES)
    place = (viewer.org_id, project.project_id)
    if request.method == "GET":
        return _form(request, project, CycleForm())
    form = CycleForm.sent(request.POST)
    try:
        made = run_here(cycles.create_cycle(*place, form.plan(), author_id=viewer.user.pk))
    except InvalidInput as problem:
        return _form(request, project, form, problem=problem)
    if request.POST.get("with_ready"):
        run_here(cycles.add_ready_cases(*place, made))
    return redirect("cycle", project.key, made)


@require_http_methods(["GET", "POST"])
def edit(request: MemberRequest, project_key: str, cycle_id: int) -> HttpResponse:
    """Another name, environment or dates."""
    viewer = request.viewer
    project = project_for(viewer, project_key, Action.RUN_CYCLES)
    cycle = run_here(cycles.find_cycle(viewer.org_id, project.project_id, cycle_id))
    if request.method == "GET":
        return _form(request, project, CycleForm.of(cycle), cycle_id=cycle_id)
    form = CycleForm.sent(request.POST)
    try:
        run_here(cycles.change_cycle(viewer.org_id, project.project_id, cycle_id, form.plan()))
    except InvalidInput as problem:
        return _form(request, project, form, cycle_id=cycle_id, problem=problem)
    return redirect("cycle", project.key, cycle_id)


@require_POST
def state(request: MemberRequest, project_key: str, cycle_id: int) -> HttpResponse:
    """Start a cycle, finish it, or take it up again."""
    viewer = request.viewer
    project = project_for(viewer, project_key, Action.RUN_CYCLES)
    wanted: Any = request.POST.get("state")
    if wanted not in get_args(CycleState):
        raise InvalidInput("A cycle is started, finished or taken up again.", field="state")
    run_here(cycles.set_cycle_state(viewer.org_id, project.project_id, cycle_id, wanted, actor=viewer.actor))
    return redirect("cycle", project.key, cycle_id)


@require_POST
def add(request: MemberRequest, project_key: str, cycle_id: int) -> HttpResponse:
    """Put cases that are ready into a cycle: all of them, or those of a folder."""
    viewer = request.viewer
    project = project_for(viewer, project_key, Action.RUN_CYCLES)
    place = (viewer.org_id, project.project_id)
    folders = run_here(list_folders(*place))
    try:
        chosen = chosen_folder(request.POST, folders) if request.POST.get("folder", TOP) != TOP else None
    except InvalidInput as problem:
        messages.error(request, problem.detail)
        return redirect("cycle", project.key, cycle_id)
    inside = with_those_inside(folders, chosen) if chosen else None
    added = run_here(cycles.add_ready_cases(*place, cycle_id, folders=inside))
    messages.success(request, f"{added} test case{'' if added == 1 else 's'} added.")
    return redirect("cycle", project.key, cycle_id)


@require_POST
def remove(request: MemberRequest, project_key: str, cycle_id: int) -> HttpResponse:
    """Delete a cycle with everything executed in it."""
    viewer = request.viewer
    project = project_for(viewer, project_key, Action.DELETE_FOLDERS_AND_CYCLES)
    run_here(cycles.delete_cycle(viewer.org_id, project.project_id, cycle_id, actor=viewer.actor))
    messages.success(request, "The test cycle is gone.")
    return redirect("cycles", project.key)


def _form(
    request: MemberRequest,
    project: Project,
    form: CycleForm,
    *,
    cycle_id: int | None = None,
    problem: InvalidInput | None = None,
) -> HttpResponse:
    facts = {
        **project_facts(request.viewer, project, "cycles"),
        "form": form,
        "cycle_id": cycle_id,
        "problem": problem,
        "field": problem.field if problem else None,
    }
    return render(request, "testkase/workspace/cycle_form.html", facts, status=422 if problem else 200)
