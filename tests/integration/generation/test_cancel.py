"""Cancel reaches a generation that is running, one that still waits for the worker, and one that has just ended."""

import asyncio

import pytest

from testkase.core.ledger.verify import verify
from testkase.services.features.generation.operations import ask_to_cancel
from tests.integration.generation.conftest import Scene, large_answer, small_answer, spoken
from tests.support.features import LARGE_MODEL
from tests.support.replies import Reply


async def cancel(scene: Scene, generation_id: int) -> None:
    await scene.ask(ask_to_cancel(scene.org_id, generation_id))


@pytest.mark.requirement("P17")
@pytest.mark.parametrize("model", ["testkase-demo", LARGE_MODEL])
async def test_cancel_cuts_the_model_off_keeps_the_drafts_and_charges_what_was_used(scene: Scene, model: str) -> None:
    if model == LARGE_MODEL:
        scene.upstream.default = spoken(large_answer(*(f"Case {n}" for n in range(200))), delay_chunk=0.1)
    else:
        scene.upstream.script(spoken(small_answer()), spoken(small_answer(), delay_chunk=0.3))
    number = await scene.request(cases=8, model=model)
    job = asyncio.create_task(scene.run(number))
    await scene.first_draft(number)
    await asyncio.sleep(0.4)  # some words of the next one
    for _ in range(2):  # pressed twice
        await cancel(scene, number)
    async with asyncio.timeout(10):  # the model alone would take longer
        view = await job
    assert (view.state, view.ending, view.error) == ("succeeded", "cancelled", None)
    assert 1 <= len(view.drafts) < 8
    [row] = await scene.usage()
    assert (row.measurement, row.charged, row.seq) == ("partial", view.charged, view.receipt)
    assert row.tokens.output > 0
    assert await scene.held() == 0
    assert await scene.ask(verify(scene.org_id)) == []


@pytest.mark.requirement("P17", "B10")
async def test_cancel_before_the_first_word_costs_nothing(scene: Scene) -> None:
    scene.upstream.default = Reply(delay_first=30)
    number = await scene.request()
    job = asyncio.create_task(scene.run(number))
    while not scene.upstream.requests:
        await asyncio.sleep(0.01)
    await cancel(scene, number)
    view = await asyncio.wait_for(job, 10)
    assert (view.state, view.ending, view.charged, view.error) == ("failed", "cancelled", 0, None)
    assert await scene.held() == 0


@pytest.mark.requirement("P17")
async def test_what_was_used_is_charged_where_no_draft_was_complete_yet(scene: Scene) -> None:
    scene.upstream.default = spoken(small_answer(), delay_chunk=2)
    number = await scene.request(cases=1)
    job = asyncio.create_task(scene.run(number))
    while not (await scene.view(number)).progress.now:
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.5)
    await cancel(scene, number)
    view = await asyncio.wait_for(job, 10)
    assert (view.state, view.ending, view.drafts) == ("failed", "cancelled", ())
    [row] = await scene.usage()
    assert (row.outcome, row.measurement, row.charged) == ("cancelled", "partial", view.charged)
    assert row.charged > 0


async def test_what_no_worker_has_begun_is_cancelled_at_once_and_never_asked(scene: Scene) -> None:
    number = await scene.request()
    await cancel(scene, number)
    view = await scene.view(number)
    assert (view.state, view.ending, view.charged) == ("failed", "cancelled", 0)
    assert (await scene.run(number)) == view
    assert (scene.upstream.requests, await scene.usage()) == ([], [])


async def test_a_run_after_one_that_was_killed_sees_that_it_was_cancelled(scene: Scene) -> None:
    number = await scene.request(cases=3)
    scene.upstream.script(spoken(small_answer()), spoken(small_answer(), delay_first=30))
    job = asyncio.create_task(scene.run(number))
    await scene.first_draft(number)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    await cancel(scene, number)
    asked = len(scene.upstream.requests)
    view = await scene.run(number)
    assert (view.state, view.ending, view.charged, len(view.drafts)) == ("succeeded", "cancelled", 0, 1)
    assert (len(scene.upstream.requests), await scene.held(), await scene.usage()) == (asked, 0, [])


async def test_cancel_changes_nothing_once_it_has_ended(scene: Scene) -> None:
    number = await scene.request()
    view = await scene.run(number)
    await cancel(scene, number)
    assert await scene.view(number) == view
