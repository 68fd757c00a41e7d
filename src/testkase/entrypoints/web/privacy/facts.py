"""What the page about stored data shows: the catalogue to everybody, the ways to govern it to the Owner."""

from typing import Any

from django.utils.timezone import localtime

from testkase.core.access import Action
from testkase.core.ledger.consumption import users_of
from testkase.entrypoints.web.filters import by_name
from testkase.entrypoints.web.names import names_of_people, shown_ref
from testkase.entrypoints.web.viewer import Viewer
from testkase.foundation.ids import new_id
from testkase.services.audit.finding import actors_of
from testkase.services.features.chat.model import ThreadOf
from testkase.services.features.chat.operations import newest_threads
from testkase.services.organizations.names import ErasedName
from testkase.services.organizations.tenancy import run_here
from testkase.services.privacy.erasing import PERSON, item_exists, newest_erasures
from testkase.services.privacy.export.asking import newest_exports
from testkase.services.privacy.keeping import CHOICES, in_words, keep_days
from testkase.services.privacy.records import stored_fields
from testkase.services.privacy.registry import CONTENT
from testkase.services.workspace.projects import list_projects

_MOST_PEOPLE = 500
_MOST_CHATS = 200


def page_facts(viewer: Viewer) -> dict[str, Any]:
    """Everything on the page."""
    facts: dict[str, Any] = {
        "section": "privacy",
        "groups": run_here(stored_fields()),
        "contents": [content for content in CONTENT if content.kind != "passing"],
        "passing": [content for content in CONTENT if content.kind == "passing"],
        "keep": in_words(run_here(keep_days(viewer.org_id))),
        "governs": viewer.can(Action.GOVERN_DATA),
    }
    return facts | (_for_the_owner(viewer) if facts["governs"] else {})


def _for_the_owner(viewer: Viewer) -> dict[str, Any]:
    projects = run_here(list_projects(viewer.org_id, user_id=viewer.user.pk, sees_all=True))
    erasures = run_here(newest_erasures(viewer.org_id))
    exports = run_here(newest_exports(viewer.org_id))
    asked = {one.asked_ref for one in exports}
    names = names_of_people(viewer.org_id, asked | {one.target for one in erasures if one.scope == "person"})
    return {
        "choices": [("" if days is None else str(days), in_words(days)) for days in CHOICES],
        "projects": [(str(project.project_id), f"{project.name} ({project.key})") for project in projects],
        "people": by_name({value: name for value, (_, name) in people_to_erase(viewer.org_id).items()}),
        "erasures": [(one, shown_ref(one.label, names.get(one.target, ""))) for one in erasures],
        "chats": _chats(viewer.org_id),
        "forms": {scope: new_id("erasure") for scope in ("project", "person", "chat", "ai", "everything")},
        "exports": [(one, shown_ref(one.asked_name, names.get(one.asked_ref, ""))) for one in exports],
        "export_form": new_id("export"),
    }


def _chats(org_id: int) -> list[tuple[str, str]]:
    """The newest chats, for a choice among them: whose, where and when. Their titles are the Owner's no more than what
    was said in them."""
    found = run_here(newest_threads(org_id, limit=_MOST_CHATS))
    names = names_of_people(org_id, {one.user_ref for one in found})
    return [(str(one.thread_id), _chat(one, names.get(one.user_ref, one.user_ref))) for one in found]


def _chat(one: ThreadOf, name: str) -> str:
    asked, questions = f"{localtime(one.asked_at):%-d %b %Y, %H:%M}", "question" if one.turn_count == 1 else "questions"
    return f"{name} in {one.project_key}, last asked {asked}, {one.turn_count} {questions}"


def people_to_erase(org_id: int) -> dict[str, tuple[str, str]]:
    """Everybody who used AI or changed anything here: what a form names them by, their reference and the name they have
    or had. Who was erased goes by their number, and only while something of theirs is left: they had come back."""
    recorded = run_here(actors_of(org_id, limit=_MOST_PEOPLE))
    users = {*run_here(users_of(org_id, limit=_MOST_PEOPLE)), *recorded}
    people = {ref: ref for ref in users if "@" in ref}
    named = names_of_people(org_id, people)
    known = people | {ref: name for ref, name in (recorded | named).items() if ref in people}
    found: dict[str, tuple[str, str]] = {}
    for ref, name in known.items():
        if not isinstance(name, ErasedName):
            found[ref] = ref, name if name == ref else f"{name} ({ref})"
        elif run_here(item_exists(org_id, PERSON, ref)):
            found[str(name)] = ref, str(name)
    return found
