"""The switch reaches a generation that is running, and one that still waits for the worker."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from testkase.core.ledger.commands import SwitchAi
from testkase.core.ledger.verify import verify
from testkase.core.pricing import load_price_books
from testkase.services.live import Watcher
from testkase.services.metering.meter import Meter
from testkase.services.metering.problems import SWITCHED_OFF
from tests.integration.generation.conftest import Scene, large_answer, small_answer, spoken
from tests.support.features import LARGE_MODEL


@pytest.fixture
async def watched(scene: Scene) -> AsyncIterator[Scene]:
    """The scene with a meter that is told of the switch, as the worker's is."""
    watcher = Watcher(scene.database, every_seconds=0.2)
    scene.meter = Meter(scene.engine, load_price_books(), scene.meter.catalog, watcher=watcher)
    yield scene
    await scene.meter.drain(5)
    await watcher.close()


async def switch(scene: Scene, *, on: bool) -> None:
    await scene.engine.submit(SwitchAi(org_id=scene.org_id, switch_id=f"now-{on}", enabled=on))


@pytest.mark.requirement("R60", "R61", "I14")
@pytest.mark.parametrize("model", ["testkase-demo", LARGE_MODEL])
async def test_a_running_generation_ends_and_costs_nothing(watched: Scene, model: str) -> None:
    answer = small_answer() if model == "testkase-demo" else large_answer(*(f"Case {n}" for n in range(200)))
    watched.upstream.default = spoken(answer, delay_chunk=0.15)
    generation_id = await watched.request(cases=8, model=model)
    run = asyncio.create_task(watched.run(generation_id))
    await watched.first_draft(generation_id)
    await switch(watched, on=False)
    async with asyncio.timeout(15):  # the model alone would take longer
        view = await run
    assert view.error == SWITCHED_OFF
    assert (view.state, view.charged, view.receipt) == ("succeeded", 0, None)
    assert 1 <= len(view.drafts) < 8  # what was written stays
    assert await watched.usage() == []
    assert await watched.held() == 0
    assert await watched.available() == 300_000_000
    assert await watched.ask(verify(watched.org_id)) == []


@pytest.mark.requirement("R60")
async def test_one_that_waited_for_the_worker_fails_once_and_is_not_begun_again(watched: Scene) -> None:
    generation_id = await watched.request()
    await switch(watched, on=False)
    view = await watched.run(generation_id)
    assert (view.state, view.error, view.charged) == ("failed", SWITCHED_OFF, 0)
    assert watched.upstream.requests == []
    await switch(watched, on=True)
    assert (await watched.run(generation_id)).state == "failed"
    assert watched.upstream.requests == []
