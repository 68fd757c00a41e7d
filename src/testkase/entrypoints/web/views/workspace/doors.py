"""Who gets into a project, and what its pages show around their content."""

from typing import Any

from testkase.core.access import Action
from testkase.entrypoints.web.viewer import Viewer
from testkase.foundation.problems import Forbidden, NotFound
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.model import Project
from testkase.services.workspace.projects import find_project

_REFUSALS = {
    Action.EDIT_CASES: "Your role in this project does not allow editing test cases.",
    Action.RUN_CYCLES: "Your role in this project does not allow running test cycles.",
    Action.CHAT: "Guests of a project do not use AI. Ask a project admin for another role.",
    Action.DELETE_FOLDERS_AND_CYCLES: "Folders and test cycles are deleted by project admins.",
}


def visible_project(viewer: Viewer, key: str) -> Project:
    """The project, if the viewer may see it; otherwise NotFound, as if there were none."""
    project = run_here(find_project(viewer.org_id, key, user_id=viewer.user.pk, sees_all=viewer.manages_projects))
    if not viewer.can_in(project, Action.VIEW_PROJECT):
        raise NotFound("There is no such project.")
    return project


def project_for(viewer: Viewer, key: str, action: Action) -> Project:
    """The project, if the viewer may do the action in it. Raises NotFound, Forbidden."""
    project = visible_project(viewer, key)
    if not viewer.can_in(project, action):
        raise Forbidden(_REFUSALS[action])
    return project


def project_facts(viewer: Viewer, project: Project, part: str = "") -> dict[str, Any]:
    """What every page of a project shows around its content; `part` is the tab it belongs to."""
    return {
        "section": "projects",
        "project": project,
        "part": part,
        "may_generate": viewer.can_in(project, Action.GENERATE_CASES),
        "may_chat": viewer.can_in(project, Action.CHAT),
        "may_edit": viewer.can_in(project, Action.EDIT_CASES),
        "may_run": viewer.can_in(project, Action.RUN_CYCLES),
        "may_delete": viewer.can_in(project, Action.DELETE_FOLDERS_AND_CYCLES),
        "may_manage_people": viewer.can_in(project, Action.MANAGE_PROJECT_MEMBERS),
    }
