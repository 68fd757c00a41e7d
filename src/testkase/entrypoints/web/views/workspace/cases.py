"""One test case: read, write, edit, and its history."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from testkase.core.access import Action
from testkase.entrypoints.web.names import names_of_people
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.workspace.case_form import CaseForm
from testkase.entrypoints.web.views.workspace.doors import project_facts, project_for, visible_project
from testkase.entrypoints.web.views.workspace.filters import chosen_folder, with_choices
from testkase.foundation.problems import Conflict, InvalidInput
from testkase.services.features.generation.deciding import provenance
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.cases import create_case, edit_case, find_case
from testkase.services.workspace.executions import cycles_of_case
from testkase.services.workspace.folders import list_folders
from testkase.services.workspace.history import case_changes
from testkase.services.workspace.model import Project

_CHANGES = 30


@require_safe
def show(request: MemberRequest, project_key: str, case_key: str) -> HttpResponse:
    """A test case with its steps, and how it did in the newest cycles."""
    viewer = request.viewer
    project = visible_project(viewer, project_key)
    place = (viewer.org_id, project.project_id)
    case = run_here(find_case(*place, case_key))
    folders = run_here(list_folders(*place))
    facts: dict[str, Any] = {
        **project_facts(viewer, project, "cases"),
        "case": case,
        "folder": next((folder for folder in folders if folder.folder_id == case.folder_id), None),
        "results": run_here(cycles_of_case(viewer.org_id, case.case_id, limit=6)),
        "origin": run_here(provenance(viewer.org_id, case.generation_id, case.key)) if case.generation_id else None,
    }
    if origin := facts["origin"]:
        facts["asked_by"] = names_of_people(viewer.org_id, {origin.user_ref}).get(origin.user_ref, origin.user_ref)
    return render(request, "testkase/workspace/case.html", facts)


@require_safe
def history(request: MemberRequest, project_key: str, case_key: str) -> HttpResponse:
    """Who changed which fields of a case, newest first."""
    viewer = request.viewer
    project = visible_project(viewer, project_key)
    case = run_here(find_case(viewer.org_id, project.project_id, case_key))
    before = number(request.GET.get("before"))
    found = run_here(case_changes(viewer.org_id, case.case_id, limit=_CHANGES + 1, before=before))
    facts = {
        **project_facts(viewer, project, "cases"),
        "case": case,
        "changes": found[:_CHANGES],
        "next": found[_CHANGES - 1].change_id if len(found) > _CHANGES else None,
    }
    return render(request, "testkase/workspace/case_history.html", facts)


@require_http_methods(["GET", "POST"])
def new(request: MemberRequest, project_key: str) -> HttpResponse:
    """Write a test case."""
    viewer = request.viewer
    project = project_for(viewer, project_key, Action.EDIT_CASES)
    if request.method == "GET":
        return _form(request, project, CaseForm(folder=str(number(request.GET.get("folder")) or "")))
    form = CaseForm.sent(request.POST)
    arranged = form.after(request.POST.get("do", ""))
    if arranged is not None:
        return _form(request, project, arranged)
    folders = run_here(list_folders(viewer.org_id, project.project_id))
    try:
        key = run_here(
            create_case(
                viewer.org_id, project.project_id, form.content(), author_id=viewer.user.pk,
                folder_id=chosen_folder(request.POST, folders),
            )
        )  # fmt: skip
    except (InvalidInput, Conflict) as problem:
        return _form(request, project, form, problem=problem)
    messages.success(request, f"{key} was written.")
    return redirect("case", project.key, key)


@require_http_methods(["GET", "POST"])
def edit(request: MemberRequest, project_key: str, case_key: str) -> HttpResponse:
    """Edit a test case. Whoever was overtaken by somebody else keeps what they wrote, and is told."""
    viewer = request.viewer
    project = project_for(viewer, project_key, Action.EDIT_CASES)
    place = (viewer.org_id, project.project_id)
    case = run_here(find_case(*place, case_key))
    if request.method == "GET":
        return _form(request, project, CaseForm.of(case), case=case)
    form = CaseForm.sent(request.POST)
    arranged = form.after(request.POST.get("do", ""))
    if arranged is not None:
        return _form(request, project, arranged, case=case)
    folders = run_here(list_folders(*place))
    try:
        run_here(
            edit_case(
                *place, case_key, form.content(), folder_id=chosen_folder(request.POST, folders),
                editor_id=viewer.user.pk, version=form.seen_version,
            )
        )  # fmt: skip
    except (InvalidInput, Conflict) as problem:
        return _form(request, project, form, case=case, problem=problem)
    messages.success(request, f"{case.key} was saved.")
    return redirect("case", project.key, case.key)


def _form(
    request: MemberRequest,
    project: Project,
    form: CaseForm,
    *,
    case: Any = None,
    problem: InvalidInput | Conflict | None = None,
) -> HttpResponse:
    folders = run_here(list_folders(request.viewer.org_id, project.project_id))
    facts = with_choices({
        **project_facts(request.viewer, project, "cases"),
        "form": form,
        "case": case,
        "folders": folders,
        "chosen": number(form.folder),
        "problem": problem,
        "field": problem.field if problem else None,
    })  # fmt: skip
    return render(request, "testkase/workspace/case_form.html", facts, status=422 if problem else 200)
