"""Projects, their test cases, and one test case."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from testkase.core.access import Action
from testkase.entrypoints.web.names import names_of_people
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import MemberRequest, Viewer
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.features.generation.model import GenerationRow
from testkase.services.features.generation.operations import generations
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.cases import find_case
from testkase.services.workspace.model import Project
from testkase.services.workspace.projects import create_project, find_project, list_projects
from testkase.services.workspace.search import list_cases

_PAGE = 50
_RECENT = 5


@require_safe
def index(request: MemberRequest) -> HttpResponse:
    """The projects the viewer may see."""
    viewer = request.viewer
    operation = list_projects(viewer.org_id, user_id=viewer.user.pk, sees_all=viewer.manages_projects)
    return render(request, "testkase/projects.html", {"section": "projects", "projects": run_here(operation)})


@require_http_methods(["GET", "POST"])
def new(request: MemberRequest) -> HttpResponse:
    """Open a project."""
    request.viewer.must(Action.MANAGE_PROJECTS, "Projects are opened by the Owner and the Admins of the organization.")
    if request.method == "GET":
        return render(request, "testkase/project_new.html", {"section": "projects"})
    name, key = request.POST.get("name", "").strip(), request.POST.get("key", "").strip().upper()
    try:
        run_here(create_project(request.viewer.org_id, key=key, name=name, actor=request.viewer.actor))
    except (InvalidInput, Conflict) as problem:
        facts = {"section": "projects", "name": name, "key": key, "error": problem.detail}
        return render(request, "testkase/project_new.html", facts, status=422)
    return redirect("cases", key)


@require_safe
def cases(request: MemberRequest, project_key: str) -> HttpResponse:
    """A project's test cases, newest first; HTMX asks for further rows."""
    project = visible_project(request.viewer, project_key)
    before = number(request.GET.get("before"))
    rows = run_here(list_cases(request.viewer.org_id, project.project_id, limit=_PAGE + 1, before=before))
    further = bool(request.headers.get("HX-Request") and before)
    facts = {
        **project_facts(request.viewer, project),
        "cases": rows[:_PAGE],
        "next": rows[_PAGE - 1].case_id if len(rows) > _PAGE else None,
        "recent": [] if before else _recent_generations(request.viewer, project),
    }
    return render(request, "testkase/_case_rows.html" if further else "testkase/cases.html", facts)


def _recent_generations(viewer: Viewer, project: Project) -> list[tuple[GenerationRow, str]]:
    """The newest generations, each with the name of whoever asked for it."""
    rows = run_here(generations(viewer.org_id, project.project_id, limit=_RECENT))
    people = names_of_people(viewer.org_id, {row.user_ref for row in rows})
    return [(row, people.get(row.user_ref, row.user_ref)) for row in rows]


@require_safe
def case(request: MemberRequest, project_key: str, case_key: str) -> HttpResponse:
    """A test case with its steps."""
    project = visible_project(request.viewer, project_key)
    found = run_here(find_case(request.viewer.org_id, project.project_id, case_key))
    return render(request, "testkase/case.html", {**project_facts(request.viewer, project), "case": found})


def visible_project(viewer: Viewer, key: str) -> Project:
    """The project, if the viewer may see it; otherwise NotFound, as if there were none."""
    project = run_here(find_project(viewer.org_id, key, user_id=viewer.user.pk, sees_all=viewer.manages_projects))
    if not viewer.can_in(project, Action.VIEW_PROJECT):
        raise NotFound("There is no such project.")
    return project


def project_facts(viewer: Viewer, project: Project) -> dict[str, Any]:
    """What every page of a project shows around its content."""
    return {
        "section": "projects",
        "project": project,
        "may_generate": viewer.can_in(project, Action.GENERATE_CASES),
        "may_edit": viewer.can_in(project, Action.EDIT_CASES),
        "may_manage_people": viewer.can_in(project, Action.MANAGE_PROJECT_MEMBERS),
    }
