"""Projects and who works in them. Every operation needs the organization's tenant context."""

from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import NotFound
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

_INSERT = "INSERT INTO project (org_id, key, name) VALUES (%(org_id)s, %(key)s, %(name)s) RETURNING project_id"

_ADD_MEMBER = """
INSERT INTO project_member (org_id, project_id, user_id, role, may_generate)
VALUES (%(org_id)s, %(project_id)s, %(user_id)s, %(role)s, %(may_generate)s)
"""


def list_projects(org_id: int, *, user_id: int, sees_all: bool) -> Operation[list[Project]]:
    """The projects a person may see, by name. `sees_all`: owners and admins see those they were not added to as well."""
    rows = yield Statement(_LIST, {"org_id": org_id, "user_id": user_id, "sees_all": sees_all})
    return [Project(**row) for row in rows]


def find_project(org_id: int, key: str, *, user_id: int, sees_all: bool) -> Operation[Project]:
    """One project by its key. Raises NotFound when there is none, or none this person may see."""
    rows = yield Statement(_FIND, {"org_id": org_id, "key": key, "user_id": user_id, "sees_all": sees_all})
    if not rows:
        raise NotFound("There is no such project.")
    return Project(**rows[0])


def create_project(org_id: int, *, key: str, name: str) -> Operation[int]:
    """A new project. `key` is 2 to 10 capital letters and digits; answers the project's id."""
    rows = yield Statement(_INSERT, {"org_id": org_id, "key": key, "name": name})
    return int(rows[0]["project_id"])


def add_project_member(
    org_id: int, *, project_id: int, user_id: int, role: str, may_generate: bool = False
) -> Operation[None]:
    """Let a person into a project as `project_admin`, `user` or `guest`."""
    yield Statement(
        _ADD_MEMBER,
        {"org_id": org_id, "project_id": project_id, "user_id": user_id, "role": role, "may_generate": may_generate},
    )
