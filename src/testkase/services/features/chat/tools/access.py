"""The asking person's right to look, read from live rows before each look (trust: "Roles are read live")."""

from testkase.core.access import Action
from testkase.foundation.database import Operation, named_statements
from testkase.services.features.chat.tools.model import Place
from testkase.services.features.running.rights import NoLongerAllowed, may_still

FACTS = named_statements("testkase.services.features.chat.sql", "facts.sql")


class NotYourProject(NoLongerAllowed):
    """Whoever asked may not, or not any more, chat in this project."""

    code = "chat_forbidden"
    title = "No right to chat in this project"


def must_be_allowed(place: Place) -> Operation[None]:
    """Raises NotYourProject."""
    if not (yield from may_still(place.org_id, place.project_id, place.user_id, Action.CHAT)):
        raise NotYourProject("You may not use the assistant in this project any more. Nothing more was looked up.")
