"""Who gets to generation, and what its pages have in common."""

from testkase.core.access import Action
from testkase.core.ledger.current import current_balance
from testkase.core.ledger.refusals import AiDisabled
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.workspace.doors import visible_project
from testkase.foundation.problems import Forbidden, NotFound
from testkase.services.features.generation.model import GenerationView
from testkase.services.features.generation.operations import generation
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
