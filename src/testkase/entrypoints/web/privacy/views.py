"""The page about what is stored (R76, P16), and what its Owner decides there."""

import re

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe
from procrastinate.contrib.django import app as jobs

from testkase.core.access import Action
from testkase.entrypoints.web.privacy.facts import page_facts, people_to_erase
from testkase.entrypoints.web.viewer import MemberRequest, Viewer
from testkase.foundation.ids import new_id
from testkase.foundation.problems import InvalidInput, NotFound
from testkase.services.organizations.tenancy import run_here
from testkase.services.privacy import erasing
from testkase.services.privacy.keeping import choose_keep_days, in_words
from testkase.services.workspace.projects import list_projects

_REFUSAL = "Only the Owner of the organization decides how long content is kept and what is erased."
_FORM_ID = re.compile(r"[A-Za-z0-9_-]{1,60}")


@require_safe
def page(request: MemberRequest) -> HttpResponse:
    """What is stored, for every member; the Owner decides below."""
    return render(request, "testkase/privacy/page.html", page_facts(request.viewer))


@require_POST
def retention(request: MemberRequest) -> HttpResponse:
    """How long what nobody accepted is kept."""
    viewer = request.viewer
    viewer.must(Action.GOVERN_DATA, _REFUSAL)
    text = request.POST.get("keep_days", "")
    if not (text == "" or (text.isascii() and text.isdigit() and len(text) < 6)):
        raise InvalidInput("Choose 30, 90 or 365 days, or for ever.", field="keep_days")
    days = int(text) if text else None
    if run_here(choose_keep_days(viewer.org_id, days, actor=viewer.actor)):
        messages.success(request, f"What nobody accepted is kept {in_words(days)} from now on.")
    return redirect("privacy")


@require_POST
def erasures(request: MemberRequest) -> HttpResponse:
    """Have content erased: written down here, done by the worker."""
    viewer = request.viewer
    viewer.must(Action.GOVERN_DATA, _REFUSAL)
    scope, target = request.POST.get("scope", ""), request.POST.get("target", "")
    erasure_id = request.POST.get("form", "")
    if not _FORM_ID.fullmatch(erasure_id):
        erasure_id = new_id("erasure")
    try:
        target, label = _chosen(viewer, scope, target, request.POST.get("confirmation", ""))
    except InvalidInput as problem:
        facts = {**page_facts(viewer), "problem": problem, "scope": scope}
        return render(request, "testkase/privacy/page.html", facts, status=422)
    asked = erasing.ask_erasure(
        viewer.org_id, erasure_id=erasure_id, scope=scope, target=target, label=label, actor=viewer.actor
    )
    if run_here(asked):
        jobs.configure_task("privacy.erase", queue="schedule").defer(org_id=viewer.org_id, erasure_id=erasure_id)
        messages.success(request, f"Erasing {label}. It takes a moment; the list below says when it is done.")
    return redirect("privacy")


def _chosen(viewer: Viewer, scope: str, target: str, confirmation: str) -> tuple[str, str]:
    """What the form names, and what that is called. Raises what `_label` raises."""
    if scope != erasing.PERSON:
        return target, _label(viewer, scope, target, confirmation)
    people = people_to_erase(viewer.org_id)
    if target not in people:
        raise NotFound("There is no such person here.")
    return people[target][0], f"content of {target}"[:254]


def _label(viewer: Viewer, scope: str, target: str, confirmation: str) -> str:
    """What is to be erased, as people know it. Raises NotFound for what is not there, InvalidInput without a typed
    confirmation where that much goes."""
    if scope == erasing.PROJECT:
        return f"AI content of the project {_project_key(viewer, target)}"
    if scope in (erasing.AI, erasing.EVERYTHING):
        if confirmation.strip() != viewer.organization.name:
            raise InvalidInput("Type the organization's name exactly as it is written above.", field="confirmation")
        return "all AI content" if scope == erasing.AI else "all content, test cases included"
    number = target if target.isascii() and target.isdigit() and len(target) < 19 else "0"
    if not run_here(erasing.item_exists(viewer.org_id, scope, number)):
        raise NotFound("There is nothing like that to erase.")
    return f"{scope} {int(number)}"


def _project_key(viewer: Viewer, target: str) -> str:
    projects = run_here(list_projects(viewer.org_id, user_id=viewer.user.pk, sees_all=True))
    for project in projects:
        if str(project.project_id) == target:
            return project.key
    raise NotFound("There is no such project.")
