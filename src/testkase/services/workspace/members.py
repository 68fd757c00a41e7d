"""Who works in a project, as what. Every operation needs the organization's tenant context."""

from typing import LiteralString

import msgspec

from testkase.core.access import ProjectRole
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import InvalidInput, NotFound
from testkase.services.audit import Activity, Actor, record

_LIST = """
SELECT m.user_id, coalesce(nullif(u.display_name, ''), u.email) AS name, u.email, m.role, m.may_generate,
       o.role AS organization_role
FROM project_member m
JOIN app_user u ON u.id = m.user_id
JOIN membership o ON o.org_id = m.org_id AND o.user_id = m.user_id
WHERE m.org_id = %(org_id)s AND m.project_id = %(project_id)s
ORDER BY lower(coalesce(nullif(u.display_name, ''), u.email)), m.user_id
"""

# Owners and admins are project admins everywhere and need no row.
_ADDABLE = """
SELECT u.id AS user_id, coalesce(nullif(u.display_name, ''), u.email) AS name, u.email
FROM membership o JOIN app_user u ON u.id = o.user_id
WHERE o.org_id = %(org_id)s AND o.role = 'member'
  AND NOT EXISTS (SELECT FROM project_member m
                  WHERE m.org_id = o.org_id AND m.project_id = %(project_id)s AND m.user_id = o.user_id)
ORDER BY lower(coalesce(nullif(u.display_name, ''), u.email)), u.id
"""

# Holds on to the membership to the end: whoever takes the person out of the organization waits, then finds this row.
_SET = """
INSERT INTO project_member (org_id, project_id, user_id, role, may_generate)
SELECT o.org_id, %(project_id)s, o.user_id, %(role)s, %(may_generate)s
FROM membership o WHERE o.org_id = %(org_id)s AND o.user_id = %(user_id)s
FOR KEY SHARE
ON CONFLICT (org_id, project_id, user_id) DO UPDATE SET role = excluded.role, may_generate = excluded.may_generate
RETURNING user_id
"""

_CHANGE = """
UPDATE project_member SET role = %(role)s, may_generate = %(may_generate)s
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND user_id = %(user_id)s
RETURNING user_id
"""

_REMOVE = """
DELETE FROM project_member WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND user_id = %(user_id)s
RETURNING user_id
"""

# Locked: of two changes at once, the second sees what the first has made of it.
_BEFORE = """
SELECT role, may_generate FROM project_member
WHERE org_id = %(org_id)s AND project_id = %(project_id)s AND user_id = %(user_id)s
FOR UPDATE
"""

_NAMED = """
SELECT coalesce(nullif(u.display_name, ''), u.email) AS name, p.key
FROM app_user u, project p
WHERE u.id = %(user_id)s AND p.org_id = %(org_id)s AND p.project_id = %(project_id)s
"""

_LEAVE = "DELETE FROM project_member WHERE org_id = %(org_id)s AND user_id = %(user_id)s"

_KEYS = """
SELECT m.user_id, array_agg(p.key ORDER BY p.key) AS keys
FROM project_member m JOIN project p ON p.org_id = m.org_id AND p.project_id = m.project_id
WHERE m.org_id = %(org_id)s
GROUP BY m.user_id
"""


class ProjectPerson(msgspec.Struct, frozen=True, kw_only=True):
    """A person in a project. `organization_role` outranks `role`: an owner or admin is a project admin everywhere."""

    user_id: int
    name: str
    email: str
    role: str
    may_generate: bool
    organization_role: str


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A member of the organization who is not in the project yet."""

    user_id: int
    name: str
    email: str


def people_in_project(org_id: int, project_id: int) -> Operation[list[ProjectPerson]]:
    """Those who were added to the project, by name."""
    rows = yield Statement(_LIST, {"org_id": org_id, "project_id": project_id})
    return [ProjectPerson(**row) for row in rows]


def candidates(org_id: int, project_id: int) -> Operation[list[Candidate]]:
    """Members of the organization who could be added, by name."""
    rows = yield Statement(_ADDABLE, {"org_id": org_id, "project_id": project_id})
    return [Candidate(**row) for row in rows]


def add_person(
    org_id: int, project_id: int, user_id: int, *, role: str, may_generate: bool, actor: Actor
) -> Operation[None]:
    """Let a member of the organization into a project; one who is there gets the role given. Raises NotFound for
    somebody who is not in the organization and InvalidInput for a role that does not exist."""
    yield from _write(_SET, org_id, project_id, user_id, role=role, may_generate=may_generate, actor=actor)


def change_person(
    org_id: int, project_id: int, user_id: int, *, role: str, may_generate: bool, actor: Actor
) -> Operation[None]:
    """Another role in the project, or the permission to generate. Raises NotFound for somebody who is not in it."""
    yield from _write(_CHANGE, org_id, project_id, user_id, role=role, may_generate=may_generate, actor=actor)


def remove_person(org_id: int, project_id: int, user_id: int, *, actor: Actor) -> Operation[None]:
    """Out of the project; what they made stays. Raises NotFound for somebody who is not in it."""
    rows = yield Statement(_REMOVE, {"org_id": org_id, "project_id": project_id, "user_id": user_id})
    if not rows:
        raise NotFound("There is no such member of the project.")
    yield from _record(org_id, project_id, user_id, action="project_member.removed", actor=actor, details={})


def leave_projects(org_id: int, *, user_id: int) -> Operation[None]:
    """Out of every project of the organization."""
    yield Statement(_LEAVE, {"org_id": org_id, "user_id": user_id})


def keys_by_person(org_id: int) -> Operation[dict[int, list[str]]]:
    """The keys of the projects each person was added to."""
    rows = yield Statement(_KEYS, {"org_id": org_id})
    return {row["user_id"]: row["keys"] for row in rows}


def _write(
    sql: LiteralString, org_id: int, project_id: int, user_id: int, *, role: str, may_generate: bool, actor: Actor
) -> Operation[None]:
    if role not in list(ProjectRole):
        raise InvalidInput("Choose Project admin, User or Guest.", field="role")
    values = {
        "org_id": org_id,
        "project_id": project_id,
        "user_id": user_id,
        "role": role,
        # Project admins need no permission and guests cannot have one: it must not lie in wait for another role.
        "may_generate": may_generate and role == ProjectRole.USER,
    }
    before = yield Statement(_BEFORE, values)
    rows = yield Statement(sql, values)
    if not rows:
        raise NotFound("There is no such member.")
    after = {"role": role, "may_generate": values["may_generate"]}
    if after not in before:
        details = {"role": role.replace("_", " "), "permission": ", may generate" if values["may_generate"] else ""}
        action = "project_member.changed" if before else "project_member.added"
        yield from _record(org_id, project_id, user_id, action=action, actor=actor, details=details)


def _record(
    org_id: int, project_id: int, user_id: int, *, action: str, actor: Actor, details: dict[str, str]
) -> Operation[None]:
    """In the history, under the names that person and project have now."""
    (named,) = yield Statement(_NAMED, {"org_id": org_id, "project_id": project_id, "user_id": user_id})
    change = Activity(action=action, actor=actor, target=named["name"], project=named["key"], details=details)
    yield from record(org_id, change)
