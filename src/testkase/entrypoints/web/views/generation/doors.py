"""Who gets to generation, and what its pages have in common."""

from typing import Any

from testkase.core.access import Action
from testkase.core.ledger.refusals import AiDisabled
from testkase.entrypoints.web.live import current_balance
from testkase.entrypoints.web.offer import catalog, current_prices
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.workspace.doors import visible_project
from testkase.foundation.problems import Forbidden, NotFound
from testkase.services.features.generation.model import USE_CASE, GenerationView
from testkase.services.features.generation.operations import generation
from testkase.services.metering.quality import Ladder, ladder, settings_of
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.model import Project


def generating_project(request: MemberRequest, project_key: str, *, off_too: bool = False) -> Project:
    """The project, if the viewer may generate in it and AI is on: hidden otherwise, and refused when asked directly.

    `off_too`: whether AI is on is asked by what follows.
    """
    project = visible_project(request.viewer, project_key)
    if not request.viewer.can_in(project, Action.GENERATE_CASES):
        raise Forbidden("You need the permission to generate in this project. Ask a project admin.")
    if not off_too:
        must_be_on(request)
    return project


def must_be_on(request: MemberRequest, refusal: str = "") -> None:
    """Raises AiDisabled where it is off."""
    if not run_here(current_balance(request.viewer.org_id)).ai_enabled:
        raise AiDisabled(refusal or f"AI is off for {request.viewer.organization.name}.")


def generation_in(request: MemberRequest, project: Project, generation_id: int) -> GenerationView:
    """A generation of test cases in this project. Raises NotFound."""
    view = run_here(generation(request.viewer.org_id, generation_id))
    if view.project_id != project.project_id or view.case_key is not None:
        raise NotFound("There is no such generation.")
    return view


def level_facts(request: MemberRequest) -> dict[str, Any]:
    """The levels there are to choose from, none where only the Owner chooses, and the model that will be used."""
    steps, setting = current_ladder(), run_here(settings_of(request.viewer.org_id))[USE_CASE]
    level = request.POST.get("level", "")
    level = level if setting.free_choice and level in steps else setting.level
    differ = len({entry.name for entry in steps.values()}) > 1
    return {
        "levels": list(steps.items()) if setting.free_choice and differ else [],
        "level": level,
        "chosen": next((entry for name, entry in steps.items() if name == level), None),
    }


def current_ladder() -> Ladder:
    """The models of the levels, at today's prices."""
    return ladder(catalog(), current_prices(), USE_CASE)
