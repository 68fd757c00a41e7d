"""Drafts that repeat a test case of the project are marked, among ten thousand too, and of no other project."""

import pytest

from testkase.foundation.database import Operation, Statement
from testkase.services.audit import OPERATOR
from testkase.services.features.generation.deciding import accept_draft
from testkase.services.features.generation.twins import MOST_CANDIDATES, find_twin
from testkase.services.workspace.cases import create_case
from testkase.services.workspace.model import CaseContent, Step
from testkase.services.workspace.projects import create_project
from tests.integration.generation.conftest import Scene

LOCKED = CaseContent(
    title="Account is locked after five failed attempts",
    steps=(
        Step(action="Open the sign-in page", expected="The form is shown"),
        Step(action="Enter a wrong password five times", expected="The account is locked"),
    ),
)
_MANY = """
INSERT INTO test_case (org_id, project_id, key, title, steps, search)
SELECT %(org_id)s, %(project_id)s, 'SHOP-9' || n, 'Account ' || n, '[{"action": "Open the sign-in page"}]'::jsonb,
       'shop-9' || n || ' account ' || n || ' open the sign-in page password attempts'
FROM generate_series(1, 10000) AS n
"""


def _many(org_id: int, project_id: int) -> Operation[None]:
    yield Statement(_MANY, {"org_id": org_id, "project_id": project_id})


async def test_the_twin_is_found_among_ten_thousand_with_one_bounded_question(scene: Scene) -> None:
    key = await scene.ask(create_case(scene.org_id, scene.project_id, LOCKED, author_id=scene.user_id))
    await scene.ask(_many(scene.org_id, scene.project_id))
    asked: list[int] = []

    def counted() -> Operation[str | None]:
        looking = find_twin(scene.org_id, scene.project_id, LOCKED)
        statement = next(looking)
        while True:
            rows = yield statement
            asked.append(len(rows))
            try:
                statement = looking.send(rows)
            except StopIteration as found:
                return found.value.key if found.value else None

    assert await scene.ask(counted()) == key
    assert len(asked) == 1
    assert asked[0] <= MOST_CANDIDATES


async def test_a_case_of_another_project_is_no_twin(scene: Scene) -> None:
    other = await scene.ask(create_project(scene.org_id, key="OTHER", name="Other", actor=OPERATOR))
    await scene.ask(create_case(scene.org_id, other, LOCKED, author_id=scene.user_id))
    assert await scene.ask(find_twin(scene.org_id, scene.project_id, LOCKED)) is None


async def test_generating_the_same_again_marks_the_drafts_with_what_was_accepted(scene: Scene) -> None:
    first = await scene.request(cases=2)
    await scene.run(first)
    key = await scene.ask(accept_draft(scene.org_id, first, 1, user_id=scene.user_id))
    again = await scene.run(await scene.request(cases=2))
    marked, other = again.drafts
    assert (marked.twin_key, marked.likeness) == (key, 100)
    assert other.twin_key in (None, key)


@pytest.mark.parametrize("title", ["%", "_" * 10, "a\\b", "ab"])
async def test_odd_titles_are_looked_for_as_they_are(scene: Scene, title: str) -> None:
    odd = CaseContent(title=title, steps=(Step(action=title),))
    assert await scene.ask(find_twin(scene.org_id, scene.project_id, odd)) is None
