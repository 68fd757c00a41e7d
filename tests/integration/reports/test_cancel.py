"""Cancel reaches reports that are being written, those that wait for the worker, and those that have just ended."""

import asyncio

import pytest

from testkase.core.ledger.verify import verify
from testkase.services.features.reports.model import KINDS
from testkase.services.features.reports.requests import ask_to_cancel
from tests.integration.reports.conftest import Scene, large_answer, small_answer, spoken
from tests.support.features import LARGE_MODEL
from tests.support.replies import Reply


async def cancel(scene: Scene) -> None:
    await scene.ask(ask_to_cancel(scene.org_id, scene.run_id))


@pytest.mark.requirement("P17")
@pytest.mark.parametrize("model", ["testkase-demo", LARGE_MODEL])
async def test_cancel_cuts_the_model_off_keeps_the_texts_and_charges_what_was_used(scene: Scene, model: str) -> None:
    answer = large_answer() if model == LARGE_MODEL else small_answer()
    scene.upstream.script(spoken(answer), spoken(answer, delay_chunk=1))
    scene.upstream.default = spoken(answer, delay_chunk=1)
    first = await scene.asked(*KINDS, model=model)
    job = asyncio.create_task(scene.made(first))
    while not (await scene.seen(first)).progress.writing or len(scene.upstream.requests) < 2:
        await asyncio.sleep(0.02)
    for _ in range(2):  # pressed twice
        await cancel(scene)
    async with asyncio.timeout(10):  # the model alone would take longer
        await job
    views = await scene.all_of(first)
    assert {view.ending for view in views if view.narrative is None} == {"cancelled"}
    assert all(view.facts is not None and view.error is None for view in views)
    [row] = await scene.usage()
    assert row.measurement == "partial"
    assert {(view.charged, view.receipt) for view in views} == {(row.charged, row.seq)}
    assert row.charged > 0
    assert await scene.held() == 0
    assert await scene.ask(verify(scene.org_id)) == []


@pytest.mark.requirement("P17", "B10")
async def test_cancel_before_the_first_word_costs_nothing_and_leaves_the_facts(scene: Scene) -> None:
    scene.upstream.default = Reply(delay_first=30)
    first = await scene.asked("flaky")
    job = asyncio.create_task(scene.made(first))
    await scene.until_asked(1)
    await cancel(scene)
    view = await asyncio.wait_for(job, 10)
    assert (view.state, view.run_state, view.ending) == ("failed", "failed", "cancelled")
    assert (view.charged, view.error) == (0, None)
    assert view.facts is not None
    assert await scene.held() == 0


async def test_what_no_worker_has_begun_is_cancelled_at_once_and_never_asked(scene: Scene) -> None:
    first = await scene.asked("flaky", "risk")
    await cancel(scene)
    views = await scene.all_of(first)
    assert {(view.state, view.ending, view.charged) for view in views} == {("failed", "cancelled", 0)}
    await scene.made(first)
    assert await scene.all_of(first) == views
    assert (scene.upstream.requests, await scene.usage()) == ([], [])


async def test_a_run_after_one_that_was_killed_sees_that_it_was_cancelled(scene: Scene) -> None:
    scene.upstream.script(spoken(large_answer()), Reply(delay_first=30))
    first = await scene.asked("flaky", "risk")
    job = asyncio.create_task(scene.made(first))
    await scene.until_texts(first, 1)
    await scene.until_asked(2)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    await cancel(scene)
    asked = len(scene.upstream.requests)
    await scene.made(first)
    views = await scene.all_of(first)
    assert [(view.state, view.ending) for view in views] == [("succeeded", ""), ("failed", "cancelled")]
    assert {view.charged for view in views} == {0}
    assert (len(scene.upstream.requests), await scene.held(), await scene.usage()) == (asked, 0, [])


async def test_cancel_changes_nothing_once_it_has_ended(scene: Scene) -> None:
    first = await scene.asked("flaky")
    view = await scene.made(first)
    await cancel(scene)
    assert await scene.seen(first) == view
    assert view.state == "succeeded"


async def test_a_report_that_was_refused_before_keeps_its_own_reason(scene: Scene) -> None:
    made_up = large_answer("A total of 4,711 cases failed this week.")
    scene.upstream.script(spoken(made_up), spoken(made_up), Reply(delay_first=30))
    first = await scene.asked("flaky", "risk")
    job = asyncio.create_task(scene.made(first))
    await scene.until_asked(3)
    await cancel(scene)
    await asyncio.wait_for(job, 10)
    refused, cancelled = await scene.all_of(first)
    assert (refused.ending, refused.error is None) == ("", False)
    assert (cancelled.ending, cancelled.error) == ("cancelled", None)
