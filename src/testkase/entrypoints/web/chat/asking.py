"""Asking a question: it is written down with its job, or refused in place with the next step (P18)."""

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event
from procrastinate.contrib.django import app as jobs

from testkase.core.ledger.refusals import AiDisabled, BudgetExceeded, InsufficientCredits, Paused
from testkase.entrypoints.web.chat.facts import (
    TURNS,
    chat_project,
    chosen_entry,
    mine,
    page_facts,
    shown,
)
from testkase.entrypoints.web.errors import status_of
from testkase.entrypoints.web.offer import current_prices
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.foundation.problems import Conflict, InvalidInput, Problem
from testkase.services.features.chat import operations
from testkase.services.features.chat.asking import ask, checked
from testkase.services.features.chat.estimate import most_of
from testkase.services.features.chat.model import Question
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.model import Project

_FIRST = 10
"""Somebody waits before the page: its job goes before generations."""

_REFUSALS = (AiDisabled, InvalidInput, InsufficientCredits, BudgetExceeded, Paused, Conflict)


@require_POST
def begin(request: MemberRequest, project_key: str) -> HttpResponse:
    """A first question: it opens a chat."""
    project = chat_project(request, project_key)
    try:
        thread_id, _ = _asked(request, project, None)
    except _REFUSALS as problem:
        return _refused(request, project, problem, None)
    address = reverse("chat", args=[project.key, thread_id])
    return HttpResponseClientRedirect(address) if request.headers.get("HX-Request") else redirect(address)


@require_POST
def go_on(request: MemberRequest, project_key: str, thread_id: int) -> HttpResponse:
    """Another question in a chat. HTMX gets the turn, whose answer then renews itself."""
    project = chat_project(request, project_key)
    run_here(operations.find_thread(mine(request.viewer, project), thread_id))
    try:
        _, turn_id = _asked(request, project, thread_id)
    except _REFUSALS as problem:
        return _refused(request, project, problem, thread_id)
    if not request.headers.get("HX-Request"):
        return redirect("chat", project.key, thread_id)
    turn = run_here(operations.find_turn(mine(request.viewer, project), thread_id, turn_id))
    facts = {"project": project, "turns": [shown(turn, project.key)]}
    return trigger_client_event(render(request, "testkase/chat/_turns.html", facts), "chat-asked")


def _asked(request: MemberRequest, project: Project, thread_id: int | None) -> tuple[int, int]:
    """The question and its job, in one transaction: neither is there without the other, and nothing of a refusal."""
    viewer, text = request.viewer, checked(request.POST.get("question", ""))
    entry = chosen_entry(request)
    history = run_here(operations.said_before(viewer.org_id, thread_id)) if thread_id is not None else ()
    question = Question(
        org_id=viewer.org_id,
        project_id=project.project_id,
        project_key=project.key,
        user_id=viewer.user.pk,
        user_ref=viewer.user.ref,
        text=text,
        model=entry.name,
    )
    with transaction.atomic():
        most = most_of(entry, current_prices(), history, text)
        thread, turn = run_here(ask(question, most=most, thread_id=thread_id))
        job = jobs.configure_task("chat.answer", queue="ai", priority=_FIRST)
        job.defer(org_id=viewer.org_id, thread_id=thread, turn_id=turn)
    return thread, turn


def _refused(request: MemberRequest, project: Project, problem: Problem, thread_id: int | None) -> HttpResponse:
    """The reason and the next step beside the composer, which keeps what was written."""
    status = 422 if isinstance(problem, Conflict) else status_of(problem)
    if request.headers.get("HX-Request"):
        answer = render(request, "testkase/_refusal.html", {"problem": problem}, status=status)
        answer["HX-Retarget"], answer["HX-Reswap"] = "#chat-refusal", "innerHTML"
        return answer
    facts = {**page_facts(request, project, thread_id), "problem": problem}
    if thread_id is not None:
        owner = mine(request.viewer, project)
        facts["thread"] = run_here(operations.find_thread(owner, thread_id))
        said = run_here(operations.turns(owner, thread_id, limit=TURNS))
        facts["turns"] = [shown(turn, project.key) for turn in said]
    return render(request, "testkase/chat/page.html", facts, status=status)
