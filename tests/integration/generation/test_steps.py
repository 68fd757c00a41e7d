"""Further steps for a test case: one interaction, suggestions beside the steps, taken over one by one."""

import json

import pytest

from testkase.core.ledger.commands import SwitchAi
from testkase.core.ledger.refusals import AiDisabled, InsufficientCredits
from testkase.foundation.problems import NotFound
from testkase.services.features.generation.deciding import DraftDecided, accept_draft, reject_draft
from testkase.services.features.generation.model import GenerationView
from testkase.services.features.generation.operations import generations
from testkase.services.features.generation.steps.asking import accept_step, latest_steps, options_for, request_steps
from testkase.services.inference import EMBEDDED_MODEL
from testkase.services.workspace.cases import create_case, find_case
from testkase.services.workspace.history import case_changes
from testkase.services.workspace.model import CaseContent, Project, Step
from tests.integration.generation.conftest import Scene, spoken
from tests.support.features import LARGE_MODEL
from tests.support.upstream import Reply

CASE = CaseContent(
    title="A customer can apply a voucher",
    steps=(Step(action="Open the cart", expected="It is shown"), Step(action="Enter the code", expected="10 % off")),
)
SMALL = json.dumps({"action": "Reload the page and check the price.", "expected": "The page shows the lower price."})


def large(*steps: tuple[str, int]) -> str:
    return json.dumps({"steps": [{"action": action, "expected": "Seen", "after": after} for action, after in steps]})


async def ask(scene: Scene, *, model: str = LARGE_MODEL, estimate: int = 0) -> int:
    key = await scene.ask(create_case(scene.org_id, scene.project_id, CASE, author_id=scene.user_id))
    case = await scene.ask(find_case(scene.org_id, scene.project_id, key))
    project = Project(
        project_id=scene.project_id, key="SHOP", name="Shop", case_count=1, role=None, may_generate=True
    )  # fmt: skip
    options = options_for(case.content, scene.meter.catalog.find(model), "balanced")
    return await scene.ask(
        request_steps(
            scene.org_id, project, case, user_id=scene.user_id, user_ref="ada@example.com", options=options,
            estimate=estimate,
        )
    )  # fmt: skip


async def steps_of(scene: Scene) -> list[str]:
    case = await scene.ask(find_case(scene.org_id, scene.project_id, "SHOP-1"))
    return [step.action for step in case.content.steps]


@pytest.mark.requirement("R1", "P11", "P17")
async def test_suggesting_is_one_interaction_of_test_generation(scene: Scene) -> None:
    scene.upstream.default = spoken(large(("Check the total", 2), ("Sign in as a customer", 0)))
    view = await scene.run(await ask(scene))
    assert [(draft.content.steps[0].action, draft.after_step) for draft in view.drafts] == [
        ("Check the total", 2),
        ("Sign in as a customer", 0),
    ]
    [row] = await scene.usage()
    assert (row.use_case, row.project, row.charged) == ("test_generation", "SHOP", view.charged)
    assert len(scene.upstream.requests) == 1
    assert await scene.held() == 0


async def test_the_small_model_writes_steps_that_code_had_an_idea_for(scene: Scene) -> None:
    scene.upstream.default = spoken(SMALL)
    view = await scene.run(await ask(scene, model=EMBEDDED_MODEL))
    assert view.state == "succeeded"
    [draft] = view.drafts  # the model says the same to every idea: it is suggested once
    assert draft.after_step == 2
    schema = scene.upstream.requests[0].body["response_format"]["json_schema"]["schema"]
    assert "Reload the page and check" in schema["properties"]["action"]["pattern"]


async def test_accepted_steps_go_where_they_belong_in_whatever_order_they_are_accepted(scene: Scene) -> None:
    scene.upstream.default = spoken(large(("Last", 2), ("First", 0), ("Middle", 1)))
    number = await ask(scene)
    await scene.run(number)
    for position in (1, 3, 2):
        await scene.ask(accept_step(scene.org_id, number, position, user_id=scene.user_id))
    assert await steps_of(scene) == ["First", "Open the cart", "Middle", "Enter the code", "Last"]
    await scene.ask(accept_step(scene.org_id, number, 1, user_id=scene.user_id))
    assert len(await steps_of(scene)) == 5
    case = await scene.ask(find_case(scene.org_id, scene.project_id, "SHOP-1"))
    changes = await scene.ask(case_changes(scene.org_id, case.case_id, limit=9))
    assert [change.origin for change in changes] == ["generation"] * 3 + ["person"]


async def test_a_rejected_suggestion_stays_out(scene: Scene) -> None:
    scene.upstream.default = spoken(large(("Never", 1)))
    number = await ask(scene)
    await scene.run(number)
    await scene.ask(reject_draft(scene.org_id, number, 1, user_id=scene.user_id))
    with pytest.raises(DraftDecided):
        await scene.ask(accept_step(scene.org_id, number, 1, user_id=scene.user_id))
    assert await steps_of(scene) == ["Open the cart", "Enter the code"]


async def test_a_suggestion_is_never_a_test_case_nor_in_the_list_of_generations(scene: Scene) -> None:
    scene.upstream.default = spoken(large(("One more", 2)))
    number = await ask(scene)
    await scene.run(number)
    with pytest.raises(NotFound):
        await scene.ask(accept_draft(scene.org_id, number, 1, user_id=scene.user_id))
    assert await scene.ask(generations(scene.org_id, scene.project_id, limit=5)) == []
    newest: GenerationView | None = await scene.ask(latest_steps(scene.org_id, "SHOP-1"))
    assert newest is not None
    assert newest.generation_id == number


@pytest.mark.requirement("B10")
@pytest.mark.parametrize("model", [LARGE_MODEL, EMBEDDED_MODEL])
@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500),
        Reply(chunks=("",)),
        spoken("prose"),
        spoken('{"action": 7}'),
        spoken(large(("Open the cart", 0))),
    ],
    ids=["fails", "says nothing", "prose", "wrong shape", "only what is there"],
)
async def test_no_usable_suggestion_costs_nothing(scene: Scene, reply: Reply, model: str) -> None:
    scene.upstream.default = reply
    view = await scene.run(await ask(scene, model=model))
    assert (view.state, view.charged, view.drafts) == ("failed", 0, ())
    assert "Nothing was charged" in (view.error or "")
    assert await scene.held() == 0


@pytest.mark.requirement("P18", "R60")
async def test_neither_without_credits_nor_while_ai_is_off(scene: Scene) -> None:
    with pytest.raises(InsufficientCredits):
        await ask(scene, estimate=10**12)
    await scene.engine.submit(SwitchAi(org_id=scene.org_id, switch_id="off", enabled=False))
    with pytest.raises(AiDisabled):
        await ask(scene)
    assert scene.upstream.requests == []
