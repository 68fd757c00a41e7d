"""Who gets to a project's reports, and what each of their pages shows around its content."""

from typing import Any

from testkase.core.access import Action
from testkase.core.ledger.current import current_balance
from testkase.core.ledger.refusals import AiDisabled
from testkase.entrypoints.web.viewer import MemberRequest, Viewer
from testkase.entrypoints.web.views.workspace.doors import project_facts, visible_project
from testkase.foundation.problems import Forbidden
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.model import Project

_REFUSALS = {
    Action.CREATE_REPORT: "You need the permission to generate in this project to make reports. Ask a project admin.",
    Action.SCHEDULE_REPORTS: "Scheduled reports are set up by project admins.",
}


def project_to(viewer: Viewer, key: str, action: Action) -> Project:
    """The project, if the viewer may do the action in it. Raises NotFound, Forbidden."""
    project = visible_project(viewer, key)
    if not viewer.can_in(project, action):
        raise Forbidden(_REFUSALS[action])
    return project


def must_be_on(request: MemberRequest, refusal: str = "") -> None:
    """Raises AiDisabled while AI is off."""
    if not run_here(current_balance(request.viewer.org_id)).ai_enabled:
        raise AiDisabled(refusal or f"AI is off for {request.viewer.organization.name}.")


def report_facts(viewer: Viewer, project: Project) -> dict[str, Any]:
    """What every page of reports shows around its content."""
    return {
        **project_facts(viewer, project, "reports"),
        "may_report": viewer.can_in(project, Action.CREATE_REPORT),
        "may_schedule": viewer.can_in(project, Action.SCHEDULE_REPORTS),
    }
