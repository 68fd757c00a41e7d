"""Projects, test cases and generation."""

import msgspec

from testkase.foundation.database import Operation, Statement
from testkase.services.workspace.model import CaseContent, Step
from tests.support.tenants.roles import (
    EDITORS,
    GENERATORS,
    IN_PROJECT,
    MANAGERS,
    MEMBER,
    MEMBERS,
    OWNER,
    PROJECT_ADMINS,
)
from tests.support.tenants.row import Place, Row
from tests.support.tenants.world import Tenant

_INSERT = """
INSERT INTO generation (org_id, project_id, user_ref, project_ref, requirement, options, state, charged, finished_at)
VALUES (%(org_id)s, %(project_id)s, %(user)s, %(key)s, %(word)s, '{"model": "testkase-demo"}', 'succeeded', 1240000,
        now())
RETURNING generation_id
"""
_DRAFT = """
INSERT INTO draft_case (org_id, generation_id, position, content)
VALUES (%(org_id)s, %(generation_id)s, 1, %(content)s::jsonb)
"""


def a_generation(tenant: Tenant) -> int:
    """Finished, with one draft nobody has decided on."""
    return int(tenant.run(_generated(tenant)))


def _generated(tenant: Tenant) -> Operation[int]:
    facts = {"org_id": tenant.org_id, "project_id": tenant.project_id, "key": tenant.project_key, "word": tenant.word}
    rows = yield Statement(_INSERT, {**facts, "user": tenant.emails[OWNER]})
    number = int(rows[0]["generation_id"])
    content = CaseContent(title=tenant.word, steps=(Step(action=tenant.word),))
    draft = msgspec.json.encode(content).decode()
    yield Statement(_DRAFT, {"org_id": tenant.org_id, "generation_id": number, "content": draft})
    return number


def a_suggestion(tenant: Tenant) -> int:
    """Finished, with one step for the organization's first case that nobody has decided on."""
    return int(tenant.run(_suggested(tenant)))


def _suggested(tenant: Tenant) -> Operation[int]:
    number = yield from _generated(tenant)
    key = {"org_id": tenant.org_id, "generation_id": number}
    yield Statement(
        "UPDATE generation SET case_key = %(case_key)s WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s",
        {**key, "case_key": f"{tenant.project_key}-1"},
    )
    yield Statement(
        "UPDATE draft_case SET after_step = 0 WHERE org_id = %(org_id)s AND generation_id = %(generation_id)s", key
    )
    return number


def _newcomer(tenant: Tenant) -> dict[str, object]:
    return {"user": tenant.people[MEMBER], "role": "user"}


_PROJECT = "projects/<slug:project_key>"
_DRAFT_ROUTE = f"{_PROJECT}/generations/<int:generation_id>/drafts/<int:position>"

_EDITED = {
    "title": "Edited", "status": "ready", "type": "functional", "kind": "positive", "priority": "medium",
    "action": "Do it", "expected": "Done",
}  # fmt: skip

ROWS = {
    "projects": Row(get=MEMBERS),
    "projects/new": Row(get=MANAGERS, post=MANAGERS, form={"name": "New", "key": "NEW"}),
    f"{_PROJECT}/members": Row(get=PROJECT_ADMINS, post=PROJECT_ADMINS, form=_newcomer, asks={"user": "user_id"}),
    f"{_PROJECT}/members/<int:user_id>": Row(post=PROJECT_ADMINS, form={"role": "guest"}),
    f"{_PROJECT}/members/<int:user_id>/removal": Row(post=PROJECT_ADMINS),
    f"{_PROJECT}/generate": Row(
        get=GENERATORS, post=GENERATORS, form={"requirement": "A cart is released after 30 minutes.", "cases": "1"}
    ),
    f"{_PROJECT}/generate/estimate": Row(post=GENERATORS, form={"requirement": "A cart is released.", "cases": "1"}),
    f"{_PROJECT}/generations/<int:generation_id>": Row(get=IN_PROJECT),
    f"{_PROJECT}/generations/<int:generation_id>/decisions": Row(
        post=EDITORS, form={"decision": "accept"}, asks={"folder": "folder_id"}
    ),
    f"{_PROJECT}/generations/<int:generation_id>/cancellation": Row(post=GENERATORS),
    f"{_DRAFT_ROUTE}/edit": Row(get=EDITORS, post=EDITORS, form=_EDITED, asks={"folder": "folder_id"}),
    f"{_PROJECT}/cases/<slug:case_key>/steps": Row(get=IN_PROJECT, post=GENERATORS),
    f"{_PROJECT}/cases/<slug:case_key>/steps/<int:suggestion_id>/<int:position>": Row(
        post=EDITORS, form={"decision": "accept"}
    ),
    _DRAFT_ROUTE: Row(post=EDITORS, form={"decision": "accept"}, asks={"folder": "folder_id"}),
}

PLACES = {
    "project_key": Place(make=lambda tenant: tenant.project_key, absent="NOPE"),
    "case_key": Place(make=lambda tenant: f"{tenant.project_key}-1", absent="NOPE-1"),
    "generation_id": Place(make=a_generation, absent=999_999),
    "suggestion_id": Place(make=a_suggestion, absent=999_999),
    "position": Place(make=lambda _: 1),
}
