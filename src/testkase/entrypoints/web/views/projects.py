"""Projects: those one may see, and a new one."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from testkase.core.access import Action
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.foundation.problems import Conflict, InvalidInput
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.projects import create_project, list_projects


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
