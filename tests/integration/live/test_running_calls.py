"""The switch reaches what is running: within about a second the model is cut off, and nothing is charged."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest

from testkase.core.ledger.commands import SwitchAi
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.refusals import AiDisabled
from testkase.core.ledger.verify import verify
from testkase.core.pricing import load_price_books
from testkase.foundation.database import Database
from testkase.foundation.problems import Problem
from testkase.services.inference import Catalog
from testkase.services.live import Watcher
from testkase.services.live.watcher import EVERY_SECONDS
from testkase.services.metering import CutOff, Meter, Policy
from tests.support.cluster import TestDatabase
from tests.support.metering import BODY, TOKENS, Bench, ask, opened
from tests.support.programs import Organization, Organizations, api_settings
from tests.support.upstream import Reply, Upstream, scripted_upstream

LONG = Reply(chunks=("word ",) * 400, delay_chunk=0.05, usage=TOKENS)
"""Twenty seconds of an answer: whatever ends before that was cut."""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with scripted_upstream(LONG) as running:
        yield running


@pytest.fixture
async def bench(
    module_database: TestDatabase, upstream: Upstream, organizations: Organizations
) -> AsyncIterator[Bench]:
    engine = Engine(module_database.app_url)
    await engine.start()
    catalog = Catalog.from_settings(api_settings(module_database, model_port=upstream.port), {})
    yield Bench(engine, load_price_books(), catalog, organizations)
    await catalog.close()
    await engine.stop()


@pytest.fixture
async def meter(bench: Bench, module_database: TestDatabase) -> AsyncIterator[Meter]:
    """Its holds are renewed too late to end anything: only the watcher can."""
    database = Database(module_database.app_url)
    await database.open()
    watcher = Watcher(database)
    made = Meter(bench.engine, bench.books, bench.catalog, policy=Policy(renew_every_seconds=1000), watcher=watcher)
    yield made
    await made.drain(5)
    await watcher.close()
    await database.close()


def switch(org: Organization, name: str, *, on: bool) -> SwitchAi:
    return SwitchAi(org_id=org.org_id, switch_id=name, enabled=on)


@pytest.mark.requirement("R60", "B13", "I14")
async def test_a_running_stream_is_cut_and_charged_nothing(bench: Bench, meter: Meter) -> None:
    org = bench.organizations.make()
    interaction = await opened(meter, org)
    asking = asyncio.create_task(ask(interaction))
    await asyncio.sleep(0.3)
    began = time.monotonic()
    await bench.engine.submit(switch(org, "off", on=False))
    with pytest.raises(AiDisabled, match="Nothing was charged"):
        await asking
    assert time.monotonic() - began < 8  # usually within one; the model would go on for twenty
    assert (await interaction.close()).charged == 0
    balance = bench.balance(org)
    assert (balance.available, balance.held, balance.period_used) == (300_000_000, 0, 0)
    assert bench.usage(org) == []
    assert bench.organizations.run(org.org_id, verify(org.org_id)) == []


@pytest.mark.requirement("R60", "I14")
async def test_off_and_on_again_at_once_still_ends_what_was_running(bench: Bench, meter: Meter) -> None:
    org = bench.organizations.make()
    interaction = await opened(meter, org)
    asking = asyncio.create_task(ask(interaction))
    await asyncio.sleep(0.1)
    await bench.engine.submit(switch(org, "off", on=False))
    await bench.engine.submit(switch(org, "on", on=True))
    after = await opened(meter, org)  # this one belongs to the time after, and goes on
    with pytest.raises(AiDisabled):
        await asking
    async with after.call(BODY, stream=True) as call:
        assert await anext(call.events())
        after.abort(CutOff("Enough was seen."))
    assert (await interaction.close()).charged == 0
    assert (await after.close()).charged > 0


@pytest.mark.requirement("R60", "I13")
async def test_the_switch_of_one_organization_leaves_another_alone(
    bench: Bench, meter: Meter, upstream: Upstream
) -> None:
    upstream.default = Reply(chunks=("word ",) * 30, delay_chunk=0.05, usage=TOKENS)
    org, other = bench.organizations.make(), bench.organizations.make()
    mine, theirs = await opened(meter, org), await opened(meter, other)
    answers = asyncio.gather(ask(mine), ask(theirs), return_exceptions=True)
    await bench.engine.submit(switch(org, "off", on=False))
    cut, whole = await answers
    assert isinstance(cut, AiDisabled)
    assert isinstance(whole, list)
    assert (await theirs.close()).charged > 0
    assert (await mine.close()).charged == 0


async def test_nobody_is_asked_while_nothing_runs(bench: Bench, meter: Meter, upstream: Upstream) -> None:
    upstream.default = Reply(chunks=("word ",) * 30, delay_chunk=0.05, usage=TOKENS)
    watcher = meter.watcher
    assert watcher is not None
    assert watcher.looks == 0
    orgs = [bench.organizations.make() for _ in range(3)]
    running = [await opened(meter, org) for org in orgs for _ in range(4)]
    began = time.monotonic()
    await asyncio.gather(*(ask(one) for one in running))
    for one in running:
        await one.close()
    assert 1 <= watcher.looks <= 2 + (time.monotonic() - began) / EVERY_SECONDS
    looks = watcher.looks
    await asyncio.sleep(1.2)
    assert watcher.looks == looks


@pytest.mark.requirement("R60", "R64", "I14")
@pytest.mark.parametrize("seed", [7])
async def test_switching_at_random_under_load_charges_nothing_while_off(
    bench: Bench, meter: Meter, upstream: Upstream, seed: int
) -> None:
    upstream.default = Reply(chunks=("word ",) * 6, delay_chunk=0.02, usage=TOKENS)
    luck, org = random.Random(seed), bench.organizations.make("100000")
    stop = asyncio.Event()

    async def call() -> None:
        while not stop.is_set():
            with suppress(Problem):
                async with await opened(meter, org) as interaction:
                    await ask(interaction)
            await asyncio.sleep(luck.random() * 0.02)

    callers = [asyncio.create_task(call()) for _ in range(8)]
    for number in range(24):
        await asyncio.sleep(luck.random() * 0.12)
        await bench.engine.submit(switch(org, f"flip-{number}", on=number % 2 == 1))
    await asyncio.sleep(0.5)  # it ends switched on
    stop.set()
    await asyncio.gather(*callers)
    await meter.drain(5)
    rows = bench.organizations.rows(
        org.org_id, "SELECT seq, kind, used, note FROM ledger.entry WHERE org_id = %(org)s ORDER BY seq", org=org.org_id
    )
    assert charged_while_off(rows) == []
    assert sum(row["used"] for row in rows) > 0
    assert bench.balance(org).held == 0
    assert bench.organizations.run(org.org_id, verify(org.org_id)) == []


def charged_while_off(rows: list[dict[str, Any]]) -> list[int]:
    """Entries that charged something between a switch off and the next switch on."""
    faults, on = [], True
    for row in rows:
        if row["kind"] == "switch":
            on = row["note"] == "on"
        elif row["used"] and not on:
            faults.append(row["seq"])
    return faults
