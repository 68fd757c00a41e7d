"""Projects and who works in them. Every operation needs the organization's tenant context."""

import re

from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.foundation.text import in_one_line
from testkase.services.audit import Activity, Actor, record
from testkase.services.workspace.model import Project

_LIST = """
SELECT p.project_id, p.key, p.name, m.role, coalesce(m.may_generate, false) AS may_generate,
       (SELECT count(*) FROM test_case c WHERE c.org_id = p.org_id AND c.project_id = p.project_id) AS case_count
FROM project p
LEFT JOIN project_member m ON m.org_id = p.org_id AND m.project_id = p.project_id AND m.user_id = %(user_id)s
WHERE p.org_id = %(org_id)s AND (%(sees_all)s OR m.user_id IS NOT NULL)
ORDER BY p.name, p.project_id
"""

_FIND = """
SELECT p.project_id, p.key, p.name, m.role, coalesce(m.may_generate, false) AS may_generate,
       (SELECT count(*) FROM test_case c WHERE c.org_id = p.org_id AND c.project_id = p.project_id) AS case_count
FROM project p
LEFT JOIN project_member m ON m.org_id = p.org_id AND m.project_id = p.project_id AND m.user_id = %(user_id)s
WHERE p.org_id = %(org_id)s AND p.key = %(key)s AND (%(sees_all)s OR m.user_id IS NOT NULL)
"""

_NAMES = "SELECT key, name FROM project WHERE org_id = %(org_id)s AND key = ANY(%(keys)s)"

_INSERT = """
INSERT INTO project (org_id, key, name) VALUES (%(org_id)s, %(key)s, %(name)s)
ON CONFLICT (org_id, key) DO NOTHING
RETURNING project_id
"""

_KEY = re.compile(r"[A-Z][A-Z0-9]{1,9}", re.ASCII)


def list_projects(org_id: int, *, user_id: int, sees_all: bool) -> Operation[list[Project]]:
    """The projects a person may see, by name. `sees_all`: owners and admins see those they were not added to too."""
    rows = yield Statement(_LIST, {"org_id": org_id, "user_id": user_id, "sees_all": sees_all})
    return [Project(**row) for row in rows]


def find_project(org_id: int, key: str, *, user_id: int, sees_all: bool) -> Operation[Project]:
    """One project by its key. Raises NotFound when there is none, or none this person may see."""
    rows = yield Statement(_FIND, {"org_id": org_id, "key": key, "user_id": user_id, "sees_all": sees_all})
    if not rows:
        raise NotFound("There is no such project.")
    return Project(**rows[0])


def create_project(org_id: int, *, key: str, name: str, actor: Actor) -> Operation[int]:
    """A new project; answers its id. Raises InvalidInput for a name or key that cannot be, Conflict for a used key."""
    name = in_one_line(name)
    if not 1 <= len(name) <= 120:
        raise InvalidInput("A project needs a name of 1 to 120 characters.", field="name")
    if not _KEY.fullmatch(key):
        raise InvalidInput("A project's key is 2 to 10 letters and digits, and begins with a letter.", field="key")
    rows = yield Statement(_INSERT, {"org_id": org_id, "key": key, "name": name})
    if not rows:
        raise Conflict(f"There is already a project with the key {key}.", field="key")
    yield from record(org_id, Activity(action="project.created", actor=actor, target=name, project=key))
    return int(rows[0]["project_id"])


def names_of(org_id: int, keys: list[str]) -> Operation[dict[str, str]]:
    """Names of projects by their keys; keys of projects that are gone are left out."""
    if not keys:
        return {}
    rows = yield Statement(_NAMES, {"org_id": org_id, "keys": keys})
    return {row["key"]: row["name"] for row in rows}
