"""A project's home: its folders, its test cases, and what can be done with many of them at once."""

from typing import Any, get_args

from django.contrib import messages
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from testkase.core.access import Action
from testkase.entrypoints.web.names import names_of_people
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import MemberRequest, Viewer
from testkase.entrypoints.web.views.workspace.doors import project_facts, project_for, visible_project
from testkase.entrypoints.web.views.workspace.filters import TOP, CaseFilters, chosen_folder, with_choices
from testkase.foundation.problems import Conflict, InvalidInput, NotFound, Problem
from testkase.services.features.generation.model import GenerationRow
from testkase.services.features.generation.operations import generations
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.cases import MOST_AT_ONCE, move_cases, set_status
from testkase.services.workspace.cycles import add_to_cycle, list_cycles
from testkase.services.workspace.folders import list_folders
from testkase.services.workspace.model import CaseRow, CaseStatus, Folder, Project
from testkase.services.workspace.search import list_cases, tags_of

PAGE = 50
_RECENT = 5
_OPEN_CYCLES = 20


@require_safe
def cases(request: MemberRequest, project_key: str) -> HttpResponse:
    """The folder tree and the cases, newest first; HTMX asks for further rows."""
    viewer = request.viewer
    project = visible_project(viewer, project_key)
    place = (viewer.org_id, project.project_id)
    folders = run_here(list_folders(*place))
    filters = CaseFilters.asked(request.GET)
    before = number(request.GET.get("before"))
    rows = run_here(list_cases(*place, limit=PAGE + 1, before=before, wanted=filters.wanted(folders)))
    facts = _listed(viewer, project, filters, folders, rows=rows, shown=PAGE)
    if request.headers.get("HX-Request") and before:
        return render(request, "testkase/workspace/_case_rows.html", facts)
    return render(
        request,
        "testkase/workspace/home.html",
        with_choices({**facts, **_around(viewer, project, filters, number(request.GET.get("generations")))}),
    )


def _listed(
    viewer: Viewer, project: Project, filters: CaseFilters, folders: list[Folder], *, rows: list[CaseRow], shown: int
) -> dict[str, Any]:
    """The first `shown` of these rows, and where those after them are."""
    return {
        **project_facts(viewer, project, "cases"),
        "cases": rows[:shown],
        "next": rows[shown - 1].case_id if len(rows) > shown else None,
        "filters": filters,
        "folders": folders,
        "paths": {folder.folder_id: folder.path for folder in folders},
    }


def _around(viewer: Viewer, project: Project, filters: CaseFilters, before: int | None) -> dict[str, Any]:
    """What the page shows beside the list. `before`: generations older than this one."""
    place = (viewer.org_id, project.project_id)
    started = run_here(list_cycles(*place, limit=_OPEN_CYCLES))
    rows = run_here(generations(*place, limit=_RECENT + 1, before=before))
    return {
        "tags": run_here(tags_of(*place)),
        "open_cycles": [cycle for cycle in started if cycle.state != "finished"],
        "recent": [] if filters.given else _named(viewer, rows[:_RECENT]),
        "older": rows[_RECENT - 1].generation_id if len(rows) > _RECENT else None,
        "folder": number(filters.folder),
        "top": TOP,
    }


def _named(viewer: Viewer, rows: list[GenerationRow]) -> list[tuple[GenerationRow, str]]:
    """Generations, each with the name of whoever asked for it."""
    people = names_of_people(viewer.org_id, {row.user_ref for row in rows})
    return [(row, people.get(row.user_ref, row.user_ref)) for row in rows]


@require_POST
def bulk(request: MemberRequest, project_key: str) -> HttpResponse:
    """Move the cases chosen, give them a status, or put them into a cycle. Where that cannot be, they stay chosen."""
    viewer = request.viewer
    project = project_for(viewer, project_key, Action.EDIT_CASES)
    keys = request.POST.getlist("case")
    folders = run_here(list_folders(viewer.org_id, project.project_id))
    filters = CaseFilters.asked(QueryDict(request.POST.get("back", "")[:1_000])).among(folders)
    if not keys:
        messages.error(request, "Choose test cases first: tick the boxes in front of them.")
    else:
        try:
            messages.success(request, _carried_out(request, project, keys, folders))
        except (InvalidInput, NotFound, Conflict) as problem:
            return _still_chosen(request, project, filters, folders, problem)
    return redirect(f"{reverse('cases', args=[project.key])}?{filters.query}")


def _still_chosen(
    request: MemberRequest, project: Project, filters: CaseFilters, folders: list[Folder], problem: Problem
) -> HttpResponse:
    """The list with the same boxes ticked, as far down as they go, and why nothing was changed."""
    viewer, chosen = request.viewer, set(request.POST.getlist("case"))
    wanted = filters.wanted(folders)
    rows = run_here(list_cases(viewer.org_id, project.project_id, limit=MOST_AT_ONCE + 1, wanted=wanted))
    last = max((place for place, row in enumerate(rows[:MOST_AT_ONCE], start=1) if row.key in chosen), default=0)
    facts = {
        **_listed(viewer, project, filters, folders, rows=rows, shown=max(last, PAGE)),
        **_around(viewer, project, filters, None),
        "chosen": chosen,
        "problem": problem,
    }
    return render(request, "testkase/workspace/home.html", with_choices(facts), status=422)


def _carried_out(request: MemberRequest, project: Project, keys: list[str], folders: list[Folder]) -> str:
    """Do it; answers what was done, as a sentence."""
    viewer, place = request.viewer, (request.viewer.org_id, project.project_id)
    do = request.POST.get("do")
    if do == "move":
        count = run_here(move_cases(*place, keys, chosen_folder(request.POST, folders), editor_id=viewer.user.pk))
        return f"{_cases(count)} moved."
    if do == "cycle":
        project_for(viewer, project.key, Action.RUN_CYCLES)
        cycle_id = number(request.POST.get("cycle"))
        if cycle_id is None:
            raise InvalidInput("Choose a test cycle.", field="cycle")
        return f"{_cases(run_here(add_to_cycle(*place, cycle_id, keys)))} added to the cycle."
    status: Any = request.POST.get("status", "")
    if status not in get_args(CaseStatus):
        raise InvalidInput("Choose a status.", field="status")
    count = run_here(set_status(*place, keys, status, editor_id=viewer.user.pk))
    return f"{_cases(count)} now {status}."


def _cases(count: int) -> str:
    return f"{count} test case{'' if count == 1 else 's'}"
