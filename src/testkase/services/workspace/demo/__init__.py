"""The demo organization's project: a web shop's checkout as a team would test it, with cycles behind it and one under
way."""

from testkase.foundation.database import Operation
from testkase.services.audit import Actor
from testkase.services.workspace.cases import NewCase, create_cases
from testkase.services.workspace.content import tidied
from testkase.services.workspace.demo.catalogue import BASICS, MORE
from testkase.services.workspace.demo.cycles import seed_cycles
from testkase.services.workspace.folders import folder_at
from testkase.services.workspace.members import add_person
from testkase.services.workspace.projects import create_project

PROJECT_KEY = "SHOP"
PROJECT_NAME = "Web shop checkout"


def seed(org_id: int, *, member_id: int, author_id: int, actor: Actor) -> Operation[int]:
    """The project with folders, cases and cycles; the member may generate there. Answers the project's id."""
    project_id = yield from create_project(org_id, key=PROJECT_KEY, name=PROJECT_NAME, actor=actor)
    yield from add_person(org_id, project_id, member_id, role="user", may_generate=True, actor=actor)
    cases: list[NewCase] = []
    for path, content in (*BASICS, *MORE):
        folder_id = yield from folder_at(org_id, project_id, path)
        cases.append(NewCase(content=tidied(content), folder_id=folder_id))
    made = yield from create_cases(org_id, project_id, cases, author_id=author_id, origin="person")
    yield from seed_cycles(org_id, project_id, [case_id for case_id, _ in made], people=(author_id, member_id))
    return project_id
