"""Watching a generation: its progress, the drafts as they come, and Cancel."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from testkase.core.access import Action
from testkase.entrypoints.web.offer import entry_of
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.generation.doors import generating_project, generation_in
from testkase.entrypoints.web.views.workspace.doors import project_facts, visible_project
from testkase.foundation.clock import utc_now
from testkase.foundation.problems import NotFound
from testkase.services.features.generation.model import GenerationView
from testkase.services.features.generation.operations import ask_to_cancel, generation
from testkase.services.metering.problems import SWITCHED_OFF
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.folders import list_folders


@require_safe
@never_cache
def show(request: MemberRequest, project_key: str, generation_id: int) -> HttpResponse:
    """A generation.

    While it runs, HTMX asks every 600 ms for the progress and for the drafts it has not seen yet, so that what is on
    screen stays as the person left it; the last answer also renews the balance.
    """
    project = visible_project(request.viewer, project_key)
    whole = run_here(generation(request.viewer.org_id, generation_id))
    if whole.project_id == project.project_id and whole.case_key is not None:
        return redirect("case_steps", project.key, whole.case_key)
    view = generation_in(request, project, generation_id)
    facts = {
        **project_facts(request.viewer, project),
        **progress_facts(request, view),
        "folders": run_here(list_folders(request.viewer.org_id, project.project_id)),
        "may_erase": request.viewer.can(Action.GOVERN_DATA),
    }
    if not request.headers.get("HX-Request"):
        return render(request, "testkase/generation.html", facts)
    response = render(request, "testkase/_generation.html", facts)
    return trigger_client_event(response, "balance-changed") if view.finished else response


@require_POST
def cancel(request: MemberRequest, project_key: str, generation_id: int) -> HttpResponse:
    """End a generation, or suggestions for a test case, that are under way. What has ended stays as it is, and the page
    says how it did."""
    project = generating_project(request, project_key, off_too=True)
    org_id = request.viewer.org_id
    if run_here(generation(org_id, generation_id)).project_id != project.project_id:
        raise NotFound("There is no such generation.")
    run_here(ask_to_cancel(org_id, generation_id))
    if not request.headers.get("HX-Request"):
        return redirect("generation", project.key, generation_id)
    facts = {"project": project, "may_generate": True, "generation": run_here(generation(org_id, generation_id))}
    return render(request, "testkase/_cancel.html", facts)


def progress_facts(request: MemberRequest, view: GenerationView) -> dict[str, Any]:
    """How far it is, and which drafts are new on the screen."""
    seen = number(request.GET.get("seen")) or 0
    return {
        "generation": view,
        "arrived": [draft for draft in view.drafts if draft.position > seen],
        "demonstration": bool((entry := entry_of(view.options.model)) and entry.small),
        "seconds": max(0, int((utc_now() - view.created_at).total_seconds())),
        "switched_off": view.error == SWITCHED_OFF,
        "seen": max((draft.position for draft in view.drafts), default=0),
    }
