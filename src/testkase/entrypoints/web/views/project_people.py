"""Members of a project: what they are there, and whether they may generate (P15)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from testkase.core.access import Action
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.workspace.doors import project_facts, visible_project
from testkase.foundation.problems import Forbidden, InvalidInput, NotFound
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace import members
from testkase.services.workspace.model import Project

_ROLES = (("user", "User"), ("guest", "Guest"), ("project_admin", "Project admin"))


@require_http_methods(["GET", "POST"])
def index(request: MemberRequest, project_key: str) -> HttpResponse:
    """Who works in the project, and a form that adds a member of the organization."""
    project, org_id = _project(request, project_key), request.viewer.org_id
    error = ""
    if request.method == "POST":
        role, may_generate = _choice(request)
        user_id = number(request.POST.get("user")) or 0
        try:
            adding = members.add_person(
                org_id, project.project_id, user_id, role=role, may_generate=may_generate, actor=request.viewer.actor
            )
            run_here(adding)
            return redirect("project_people", project.key)
        except NotFound:
            error = "Choose a member of the organization."
        except InvalidInput as problem:
            error = problem.detail
    facts = {
        **project_facts(request.viewer, project),
        "people": run_here(members.people_in_project(org_id, project.project_id)),
        "candidates": run_here(members.candidates(org_id, project.project_id)),
        "roles": _ROLES,
        "error": error,
    }
    return render(request, "testkase/project_people.html", facts, status=422 if error else 200)


@require_POST
def change(request: MemberRequest, project_key: str, user_id: int) -> HttpResponse:
    """Another role, or the permission to generate given or taken; it acts at once."""
    project = _project(request, project_key)
    role, may_generate = _choice(request)
    viewer = request.viewer
    changing = members.change_person(
        viewer.org_id, project.project_id, user_id, role=role, may_generate=may_generate, actor=viewer.actor
    )
    run_here(changing)
    messages.success(request, "Saved. It acts at once.")
    return redirect("project_people", project.key)


@require_POST
def remove(request: MemberRequest, project_key: str, user_id: int) -> HttpResponse:
    """Take somebody out of the project."""
    project = _project(request, project_key)
    viewer = request.viewer
    run_here(members.remove_person(viewer.org_id, project.project_id, user_id, actor=viewer.actor))
    messages.success(request, f"Removed from {project.name}.")
    if user_id == request.viewer.user.pk:  # who may not see the project any more
        return redirect("projects")
    return redirect("project_people", project.key)


def _project(request: MemberRequest, project_key: str) -> Project:
    project = visible_project(request.viewer, project_key)
    if not request.viewer.can_in(project, Action.MANAGE_PROJECT_MEMBERS):
        raise Forbidden("The members of a project are managed by its project admins. Ask one of them.")
    return project


def _choice(request: MemberRequest) -> tuple[str, bool]:
    return request.POST.get("role", ""), request.POST.get("may_generate") == "1"
