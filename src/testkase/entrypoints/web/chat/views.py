"""Reading chats: the list, one thread with its answers as they are written, and what its person may do with it."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from testkase.core.ledger.refusals import AiDisabled
from testkase.entrypoints.web.chat.facts import (
    TURNS,
    ai_is_on,
    chat_project,
    line_facts,
    mine,
    page_facts,
    shown,
    turn_number,
)
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.services.features.chat import operations
from testkase.services.features.chat.operations import After
from testkase.services.organizations.tenancy import run_here

UNCHANGED = 204
"""HTMX leaves what is there as it is, and asks again."""


@require_safe
@never_cache
def index(request: MemberRequest, project_key: str) -> HttpResponse:
    """The viewer's chats in the project, and the composer of a new one; HTMX asks for further lines."""
    project = chat_project(request, project_key)
    if request.headers.get("HX-Request") and (line := turn_number(request, "line")) is not None:
        return render(request, "testkase/chat/_thread.html", line_facts(request, project, line))
    after = After.read(request.GET.get("after", ""))
    if request.headers.get("HX-Request") and after is not None:
        rows = run_here(operations.threads(mine(request.viewer, project), limit=operations.PAGE + 1, after=after))
        more = rows[operations.PAGE - 1] if len(rows) > operations.PAGE else None
        facts = {"project": project, "threads": rows[: operations.PAGE], "more": more}
        return render(request, "testkase/chat/_threads.html", facts)
    return render(request, "testkase/chat/page.html", page_facts(request, project))


@require_safe
@never_cache
def show(request: MemberRequest, project_key: str, thread_id: int) -> HttpResponse:
    """A thread: its newest turns, an answer under way included; HTMX asks for earlier ones."""
    project = chat_project(request, project_key)
    owner, before = mine(request.viewer, project), turn_number(request, "before")
    thread = run_here(operations.find_thread(owner, thread_id))
    said = run_here(operations.turns(owner, thread_id, limit=TURNS + 1, before=before))
    facts = {
        "project": project,
        "thread": thread,
        "turns": [shown(turn, project.key) for turn in said[-TURNS:]],
        "earlier": said[1].turn_id if len(said) > TURNS else None,
    }
    if request.headers.get("HX-Request") and before:
        return render(request, "testkase/chat/_turns.html", facts)
    return render(request, "testkase/chat/page.html", {**page_facts(request, project, thread_id), **facts})


@require_safe
@never_cache
def answer(request: MemberRequest, project_key: str, thread_id: int, turn_id: int) -> HttpResponse:
    """An answer as far as it is written. Pages ask again and again; what they have seen is not sent twice."""
    project = chat_project(request, project_key)
    turn = run_here(operations.find_turn(mine(request.viewer, project), thread_id, turn_id))
    one = shown(turn, project.key)
    if not turn.finished and request.GET.get("seen") == str(one.mark):
        return HttpResponse(status=UNCHANGED)
    page = render(request, "testkase/chat/_answer.html", {"project": project, "shown": one})
    return trigger_client_event(page, "balance-changed") if turn.finished else page


@require_POST
def stop(request: MemberRequest, project_key: str, thread_id: int, turn_id: int) -> HttpResponse:
    """End an answer; what was delivered is charged."""
    project = chat_project(request, project_key)
    owner = mine(request.viewer, project)
    run_here(operations.ask_to_stop(owner, thread_id, turn_id))
    if not request.headers.get("HX-Request"):
        return redirect("chat", project.key, thread_id)
    turn = run_here(operations.find_turn(owner, thread_id, turn_id))
    return render(request, "testkase/chat/_answer.html", {"project": project, "shown": shown(turn, project.key)})


@require_POST
def rename(request: MemberRequest, project_key: str, thread_id: int) -> HttpResponse:
    """Another title. While AI is off, chats are read-only (P13)."""
    project = chat_project(request, project_key)
    owner = mine(request.viewer, project)
    run_here(operations.find_thread(owner, thread_id))
    if not ai_is_on(request.viewer):
        raise AiDisabled("While AI is off, chats can be read and deleted, not changed.")
    run_here(operations.rename_thread(owner, thread_id, request.POST.get("title", "")))
    return redirect("chat", project.key, thread_id)


@require_POST
def remove(request: MemberRequest, project_key: str, thread_id: int) -> HttpResponse:
    """Everything said in a chat goes; what it cost stays in the usage."""
    project = chat_project(request, project_key)
    owner, actor = mine(request.viewer, project), request.viewer.actor
    run_here(operations.delete_thread(owner, thread_id, project_key=project.key, actor=actor))
    return redirect("chats", project.key)
