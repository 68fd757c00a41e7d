"""A person decides on each draft, once."""

import asyncio

import pytest

from testkase.foundation.problems import NotFound
from testkase.services.features.generation.deciding import (
    DraftDecided,
    accept_all,
    accept_draft,
    provenance,
    reject_all,
    reject_draft,
)
from testkase.services.inference import EMBEDDED_MODEL
from testkase.services.workspace.cases import find_case
from testkase.services.workspace.folders import create_folder
from testkase.services.workspace.model import CaseContent, Step
from testkase.services.workspace.search import list_cases
from tests.integration.generation.conftest import Scene


@pytest.fixture
async def generated(scene: Scene) -> int:
    number = await scene.request(cases=2)
    await scene.run(number)
    return number


async def test_an_accepted_draft_is_a_test_case_that_says_the_same(scene: Scene, generated: int) -> None:
    key = await scene.ask(accept_draft(scene.org_id, generated, 1, user_id=scene.user_id))
    case = await scene.ask(find_case(scene.org_id, scene.project_id, key))
    draft = (await scene.view(generated)).drafts[0]
    assert (case.content, case.generation_id, case.author) == (draft.content, generated, "Ada")
    assert (draft.state, draft.case_key) == ("accepted", key)


async def test_a_draft_can_be_edited_while_it_is_accepted(scene: Scene, generated: int) -> None:
    edited = CaseContent(title="Better", steps=(Step(action="Do it.", expected="Done."),))
    key = await scene.ask(accept_draft(scene.org_id, generated, 1, user_id=scene.user_id, edited=edited))
    assert (await scene.ask(find_case(scene.org_id, scene.project_id, key))).content == edited


async def test_accepting_at_once_from_everywhere_makes_one_case(scene: Scene, generated: int) -> None:
    accepting = [scene.ask(accept_draft(scene.org_id, generated, 1, user_id=scene.user_id)) for _ in range(6)]
    assert len(set(await asyncio.gather(*accepting))) == 1
    assert len(await scene.ask(list_cases(scene.org_id, scene.project_id, limit=10))) == 1


async def test_a_decision_stands(scene: Scene, generated: int) -> None:
    await scene.ask(accept_draft(scene.org_id, generated, 1, user_id=scene.user_id))
    await scene.ask(reject_draft(scene.org_id, generated, 2, user_id=scene.user_id))
    await scene.ask(reject_draft(scene.org_id, generated, 2, user_id=scene.user_id))
    with pytest.raises(DraftDecided):
        await scene.ask(reject_draft(scene.org_id, generated, 1, user_id=scene.user_id))
    with pytest.raises(DraftDecided):
        await scene.ask(accept_draft(scene.org_id, generated, 2, user_id=scene.user_id))
    assert [draft.state for draft in (await scene.view(generated)).drafts] == ["accepted", "rejected"]


async def test_a_draft_that_is_not_there_cannot_be_decided(scene: Scene, generated: int) -> None:
    for number, position in ((generated, 9), (generated + 1, 1)):
        with pytest.raises(NotFound):
            await scene.ask(accept_draft(scene.org_id, number, position, user_id=scene.user_id))
        with pytest.raises(NotFound):
            await scene.ask(reject_draft(scene.org_id, number, position, user_id=scene.user_id))
    with pytest.raises(NotFound):
        await scene.database.run(
            accept_draft(scene.org_id, generated, 1, user_id=scene.user_id), org_id=scene.org_id + 1
        )


async def test_all_that_is_undecided_goes_into_a_folder_or_is_rejected_at_once(scene: Scene, generated: int) -> None:
    folder = await scene.ask(create_folder(scene.org_id, scene.project_id, name="Sign-in"))
    await scene.ask(reject_draft(scene.org_id, generated, 1, user_id=scene.user_id))
    keys = await scene.ask(accept_all(scene.org_id, generated, user_id=scene.user_id, folder_id=folder))
    [key] = keys
    assert (await scene.ask(find_case(scene.org_id, scene.project_id, key))).folder_id == folder
    assert await scene.ask(reject_all(scene.org_id, generated, user_id=scene.user_id)) == 0
    assert [draft.state for draft in (await scene.view(generated)).drafts] == ["rejected", "accepted"]


@pytest.mark.parametrize("changed", [True, False])
async def test_a_case_knows_what_it_came_from(scene: Scene, generated: int, changed: bool) -> None:
    edited = CaseContent(title="Better", steps=(Step(action="Do it."),)) if changed else None
    key = await scene.ask(accept_draft(scene.org_id, generated, 1, user_id=scene.user_id, edited=edited))
    origin = await scene.ask(provenance(scene.org_id, generated, key))
    assert origin is not None
    assert (origin.model, origin.user_ref, origin.decided_by) == (EMBEDDED_MODEL, "ada@example.com", "Ada")
    assert origin.edited is changed
    assert origin.created_at <= origin.decided_at
    assert await scene.ask(provenance(scene.org_id, generated, "SHOP-99")) is None
