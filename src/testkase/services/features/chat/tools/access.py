"""The asking person's right to look, read from live rows before each look (trust: "Roles are read live")."""

from testkase.core.access import Action, can_in_project
from testkase.foundation.database import Operation, Statement, named_statements
from testkase.foundation.problems import Forbidden
from testkase.services.features.chat.tools.model import Place

FACTS = named_statements("testkase.services.features.chat.sql", "facts.sql")


class NotYourProject(Forbidden):
    """Whoever asked may not, or not any more, chat in this project."""

    code = "chat_forbidden"
    title = "No right to chat in this project"


def must_be_allowed(place: Place) -> Operation[None]:
    """Raises NotYourProject."""
    values = {"org_id": place.org_id, "project_id": place.project_id, "user_id": place.user_id}
    rows = yield Statement(FACTS["rights"], values)
    if not rows or not can_in_project(rows[0]["role"], rows[0]["project_role"], Action.CHAT):
        raise NotYourProject("You may not use the assistant in this project any more. Nothing more was looked up.")
