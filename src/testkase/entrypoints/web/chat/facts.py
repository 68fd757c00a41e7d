"""What the chat's pages show: threads, turns with their answers as HTML, and what the next answer will cost."""

from dataclasses import dataclass
from typing import Any
from zlib import crc32

from django.utils.safestring import SafeString

from testkase.core.access import Action
from testkase.core.ledger.current import current_balance
from testkase.core.pricing import UnknownModel
from testkase.entrypoints.web.levels import current_ladder, level_facts, wanted_level
from testkase.entrypoints.web.limited import limits_on
from testkase.entrypoints.web.offer import current_prices, entry_of
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import MemberRequest, Viewer
from testkase.entrypoints.web.views.workspace.doors import project_facts, project_for
from testkase.services.features.chat import operations
from testkase.services.features.chat.estimate import Estimate, estimate
from testkase.services.features.chat.markdown import render
from testkase.services.features.chat.model import MAX_QUESTION, USE_CASE, Turn
from testkase.services.features.chat.operations import Mine
from testkase.services.features.chat.tools.model import Source
from testkase.services.inference import ModelEntry
from testkase.services.metering.quality import choose_model
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.model import Project

TURNS = 20
"""Turns of a page; earlier ones are asked for."""

EXAMPLES = (
    "Which test cases failed lately?",
    "How far are the test cycles?",
    "Which kinds of test cases are missing?",
    "Which test cases are flaky?",
)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A turn as a page shows it. `mark` changes with everything there is to see."""

    turn: Turn
    answer: SafeString
    facts: SafeString
    sources: list[tuple[Source, str]]
    demonstration: bool

    @property
    def mark(self) -> int:
        turn = self.turn
        return crc32(repr((turn.state, turn.doing, turn.answer, turn.facts, turn.stop_asked)).encode())


def chat_project(request: MemberRequest, project_key: str) -> Project:
    """The project, if the viewer may chat in it. Raises NotFound, Forbidden."""
    return project_for(request.viewer, project_key, Action.CHAT)


def mine(viewer: Viewer, project: Project) -> Mine:
    """The viewer's threads in the project."""
    return Mine(org_id=viewer.org_id, project_id=project.project_id, user_id=viewer.user.pk)


def shown(turn: Turn, project_key: str) -> Shown:
    """A turn with its answer as HTML: the only way it becomes one. Keys lead to what the answer was found in."""
    links = {source.ref: source.path(project_key) for source in turn.sources if source.kind == "case"}
    entry = entry_of(turn.model)
    return Shown(
        turn=turn,
        answer=SafeString(render(turn.answer, links)),
        facts=SafeString(render(turn.facts, links)),
        sources=[(source, source.path(project_key)) for source in turn.sources],
        demonstration=bool(entry and entry.small),
    )


def page_facts(request: MemberRequest, project: Project, thread_id: int | None = None) -> dict[str, Any]:
    """What surrounds the turns: the other threads, and the composer with its estimate."""
    viewer, owner = request.viewer, mine(request.viewer, project)
    latest = run_here(operations.threads(owner, limit=operations.PAGE + 1))
    return {
        **project_facts(viewer, project, "chat"),
        **composer_facts(request, project, thread_id),
        "threads": latest[: operations.PAGE],
        "more": latest[operations.PAGE - 1] if len(latest) > operations.PAGE else None,
        "examples": EXAMPLES,
    }


def line_facts(request: MemberRequest, project: Project, thread_id: int) -> dict[str, Any]:
    """A line of the list, which asks again while an answer is being written. Raises NotFound."""
    row = run_here(operations.thread_line(mine(request.viewer, project), thread_id))
    return {"project": project, "row": row, "thread": {"thread_id": turn_number(request, "at")}}


def composer_facts(request: MemberRequest, project: Project, thread_id: int | None) -> dict[str, Any]:
    """The model that will answer, and what it will cost."""
    offered = level_facts(request.viewer.org_id, USE_CASE, wanted_level(request))
    entry = offered["chosen"]
    expected = _estimate(request.viewer, entry, thread_id) if entry else None
    return {
        **limits_on(request.viewer, project.key, USE_CASE, expected.least if expected else None),
        **offered,
        "longest": MAX_QUESTION,
        "estimate": expected,
        "question": request.POST.get("question", ""),
        "balance": run_here(current_balance(request.viewer.org_id)),
    }


def chosen_entry(request: MemberRequest) -> ModelEntry:
    """The model for this question. Raises LevelNotOffered."""
    wanted = request.POST.get("level") or None
    return run_here(choose_model(request.viewer.org_id, USE_CASE, current_ladder(USE_CASE), wanted=wanted)).entry


def ai_is_on(viewer: Viewer) -> bool:
    """Whether the organization's AI is on at this moment."""
    return run_here(current_balance(viewer.org_id)).ai_enabled


def turn_number(request: MemberRequest, name: str) -> int | None:
    """A turn's number out of the query."""
    return number(request.GET.get(name))


def _estimate(viewer: Viewer, entry: ModelEntry, thread_id: int | None) -> Estimate | None:
    history = run_here(operations.said_before(viewer.org_id, thread_id)) if thread_id is not None else ()
    try:
        return run_here(estimate(viewer.org_id, entry, current_prices(), history))
    except UnknownModel:
        return None
