"""Folders: make, rename, move, take away."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from testkase.core.access import Action
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.workspace.doors import project_facts, project_for
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.audit import Activity, record
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.folders import (
    change_folder,
    create_folder,
    delete_folder,
    list_folders,
    with_those_inside,
)
from testkase.services.workspace.model import Project


@require_http_methods(["GET", "POST"])
def new(request: MemberRequest, project_key: str) -> HttpResponse:
    """Make a folder, beside or in another."""
    project = project_for(request.viewer, project_key, Action.EDIT_CASES)
    if request.method == "GET":
        return _form(request, project, name="", parent=number(request.GET.get("parent")))
    name, parent = request.POST.get("name", ""), _parent(request)
    try:
        made = run_here(create_folder(request.viewer.org_id, project.project_id, name, parent_id=parent))
    except (InvalidInput, Conflict) as problem:
        return _form(request, project, name=name, parent=parent, problem=problem)
    return _to_folder(project, made)


@require_http_methods(["GET", "POST"])
def edit(request: MemberRequest, project_key: str, folder_id: int) -> HttpResponse:
    """Another name, another place."""
    project = project_for(request.viewer, project_key, Action.EDIT_CASES)
    place = (request.viewer.org_id, project.project_id)
    folder = next((one for one in run_here(list_folders(*place)) if one.folder_id == folder_id), None)
    if folder is None:
        raise NotFound("There is no such folder.")
    if request.method == "GET":
        return _form(request, project, name=folder.name, parent=folder.parent_id, folder_id=folder_id)
    name, parent = request.POST.get("name", ""), _parent(request)
    try:
        run_here(change_folder(*place, folder_id, name=name, parent_id=parent))
    except (InvalidInput, Conflict) as problem:
        return _form(request, project, name=name, parent=parent, folder_id=folder_id, problem=problem)
    return _to_folder(project, folder_id)


@require_POST
def remove(request: MemberRequest, project_key: str, folder_id: int) -> HttpResponse:
    """Take a folder away; its cases move up."""
    viewer = request.viewer
    project = project_for(viewer, project_key, Action.DELETE_FOLDERS_AND_CYCLES)
    place = (viewer.org_id, project.project_id)
    folder = next((one for one in run_here(list_folders(*place)) if one.folder_id == folder_id), None)
    if folder is None:
        raise NotFound("There is no such folder.")
    moved = run_here(delete_folder(*place, folder_id, editor_id=viewer.user.pk))
    cases = f"{moved} test case{'' if moved == 1 else 's'}"
    change = Activity(
        action="folder.deleted", actor=viewer.actor, target=folder.path, project=project.key, details={"cases": cases}
    )
    run_here(record(viewer.org_id, change))
    messages.success(request, f"The folder {folder.name} is gone; {cases} moved up.")
    return _to_folder(project, folder.parent_id)


def _parent(request: MemberRequest) -> int | None:
    return number(request.POST.get("parent"))


def _to_folder(project: Project, folder_id: int | None) -> HttpResponse:
    address = reverse("cases", args=[project.key])
    return redirect(f"{address}?folder={folder_id}" if folder_id else address)


def _form(
    request: MemberRequest,
    project: Project,
    *,
    name: str,
    parent: int | None,
    folder_id: int | None = None,
    problem: InvalidInput | Conflict | None = None,
) -> HttpResponse:
    folders = run_here(list_folders(request.viewer.org_id, project.project_id))
    inside = set(with_those_inside(folders, folder_id)) if folder_id else set()
    facts = {
        **project_facts(request.viewer, project, "cases"),
        "name": name,
        "parent": parent,
        "folder_id": folder_id,
        "places": [folder for folder in folders if folder.folder_id not in inside],
        "problem": problem,
    }
    return render(request, "testkase/workspace/folder.html", facts, status=422 if problem else 200)
