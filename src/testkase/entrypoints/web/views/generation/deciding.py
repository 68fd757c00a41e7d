"""Deciding on drafts: accept or reject, one or all, edited or as they stand, into a folder."""

from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from testkase.core.access import Action
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.generation.doors import generation_in, must_be_on
from testkase.entrypoints.web.views.workspace.case_form import CaseForm
from testkase.entrypoints.web.views.workspace.doors import project_facts, project_for
from testkase.entrypoints.web.views.workspace.filters import chosen_folder, with_choices
from testkase.foundation.problems import InvalidInput, NotFound
from testkase.services.features.generation.deciding import (
    DraftDecided,
    accept_all,
    accept_draft,
    reject_all,
    reject_draft,
)
from testkase.services.features.generation.model import Draft, GenerationView
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.folders import list_folders
from testkase.services.workspace.model import CaseContent, Folder, Project

_OFF = "While AI is off, drafts can be read but not decided on."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where it happens."""

    project: Project
    view: GenerationView
    folders: list[Folder]


@require_POST
def decide(request: MemberRequest, project_key: str, generation_id: int, position: int) -> HttpResponse:
    """Accept a draft as a test case, reject it, or keep it as it is. Answers the draft as it now stands: on a page that
    somebody else has overtaken, it would stay open for ever, and refuse whatever was pressed."""
    place = _place(request, project_key, generation_id)
    org_id, user_id = request.viewer.org_id, request.viewer.user.pk
    decision = request.POST.get("decision")
    try:
        if decision == "accept":
            folder_id = chosen_folder(request.POST, place.folders)
            run_here(accept_draft(org_id, generation_id, position, user_id=user_id, folder_id=folder_id))
        elif decision != "keep":
            run_here(reject_draft(org_id, generation_id, position, user_id=user_id))
    except DraftDecided:
        if not request.headers.get("HX-Request"):
            raise
    return _as_it_stands(request, place, position)


@require_http_methods(["GET", "POST"])
def edit(request: MemberRequest, project_key: str, generation_id: int, position: int) -> HttpResponse:
    """The form of a draft, in its place on the page; sending it accepts the draft as edited."""
    place = _place(request, project_key, generation_id)
    draft = _draft(place.view, position)
    if draft.state != "proposed":
        if request.method == "GET":
            return _as_it_stands(request, place, position)
        raise DraftDecided("This draft was already decided on.", state=draft.state)
    if request.method == "GET":
        form = CaseForm.proposed(draft.content, folder_id=place.view.folder_id)
        return _form(request, place, draft, form)
    form = CaseForm.sent(request.POST)
    arranged = form.after(request.POST.get("do", ""))
    if arranged is not None:
        return _form(request, place, draft, arranged)
    try:
        run_here(
            accept_draft(
                request.viewer.org_id, generation_id, position, user_id=request.viewer.user.pk,
                edited=_edited(draft.content, form), folder_id=chosen_folder(request.POST, place.folders),
            )
        )  # fmt: skip
    except InvalidInput as problem:
        return _form(request, place, draft, form, problem=problem)
    return _as_it_stands(request, place, position)


@require_POST
def decide_all(request: MemberRequest, project_key: str, generation_id: int) -> HttpResponse:
    """Accept or reject every draft nobody has decided on."""
    place = _place(request, project_key, generation_id)
    org_id, user_id = request.viewer.org_id, request.viewer.user.pk
    if request.POST.get("decision") == "accept":
        try:
            folder_id = chosen_folder(request.POST, place.folders)
        except InvalidInput as problem:
            messages.error(request, problem.detail)
            return redirect("generation", place.project.key, generation_id)
        keys = run_here(accept_all(org_id, generation_id, user_id=user_id, folder_id=folder_id))
        count, what = len(keys), "accepted"
    else:
        count, what = run_here(reject_all(org_id, generation_id, user_id=user_id)), "rejected"
    messages.success(request, f"{count} draft{'' if count == 1 else 's'} {what}.")
    return redirect("generation", place.project.key, generation_id)


def _place(request: MemberRequest, project_key: str, generation_id: int) -> _Place:
    """If the viewer may decide there. Raises NotFound, Forbidden, AiDisabled."""
    project = project_for(request.viewer, project_key, Action.EDIT_CASES)
    must_be_on(request, _OFF)
    view = generation_in(request, project, generation_id)
    folders = run_here(list_folders(request.viewer.org_id, project.project_id))
    return _Place(project=project, view=view, folders=folders)


def _edited(proposed: CaseContent, form: CaseForm) -> CaseContent:
    """What was written in the form, and what the form does not show as it was proposed."""
    content = form.content()
    return CaseContent(
        title=content.title, kind=content.kind, priority=content.priority, preconditions=content.preconditions,
        steps=content.steps, description=proposed.description, type=proposed.type, status=proposed.status,
        tags=proposed.tags, automation_id=proposed.automation_id,
    )  # fmt: skip


def _draft(view: GenerationView, position: int) -> Draft:
    found = next((draft for draft in view.drafts if draft.position == position), None)
    if found is None:
        raise NotFound("There is no such draft.")
    return found


def _as_it_stands(request: MemberRequest, place: _Place, position: int) -> HttpResponse:
    project, generation_id = place.project, place.view.generation_id
    if not request.headers.get("HX-Request"):
        return redirect("generation", project.key, generation_id)
    view = generation_in(request, project, generation_id)
    facts = {
        **project_facts(request.viewer, project),
        "generation": view,
        "draft": _draft(view, position),
        "folders": place.folders,
        "renewed": True,
    }
    return render(request, "testkase/_draft.html", facts)


def _form(
    request: MemberRequest, place: _Place, draft: Draft, form: CaseForm, *, problem: InvalidInput | None = None
) -> HttpResponse:
    facts = with_choices({
        **project_facts(request.viewer, place.project),
        "generation": place.view,
        "draft": draft,
        "form": form,
        "folders": place.folders,
        "folder": number(form.folder),
        "problem": problem,
        "field": problem.field if problem else None,
    })  # fmt: skip
    partial = request.headers.get("HX-Request")
    template = "testkase/_draft_form.html" if partial else "testkase/draft_form.html"
    return render(request, template, facts, status=422 if problem else 200)
