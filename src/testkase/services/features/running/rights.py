"""The right of whoever asked, read from live rows (trust: "Roles are read live"): between asking and the job's run
somebody may have left, been given another role, or been taken out of the project (R41, P15)."""

from testkase.core.access import Action, can_in_project
from testkase.foundation.database import Operation, Statement, named_statements
from testkase.foundation.problems import Forbidden

_SQL = named_statements("testkase.services.features.running.sql", "rights.sql")


class NoLongerAllowed(Forbidden):
    """Whoever asked may not have it any more."""

    code = "no_longer_allowed"
    title = "No right to this any more"


def may_still(org_id: int, project_id: int, user_id: int | None, action: Action) -> Operation[bool]:
    """Whether a person may do something in a project at this moment. None: their account is gone."""
    if user_id is None:
        return False
    rows = yield Statement(_SQL["rights"], {"org_id": org_id, "project_id": project_id, "user_id": user_id})
    return bool(rows) and can_in_project(
        rows[0]["role"], rows[0]["project_role"], action, may_generate=rows[0]["may_generate"]
    )
