"""How long and how much the meter waits, reads on and keeps: every way an interaction ends before its time."""

import asyncio
import time
from typing import Any

import pytest

from testkase.core.ledger import queries
from testkase.core.ledger.commands import RecordUsage, SwitchAi
from testkase.core.ledger.refusals import AiDisabled
from testkase.services.metering import CutOff, TooManyOpenCalls
from tests.support.metering import BODY, COST, SUBJECT, TOKENS, Bench, ask, opened, until
from tests.support.programs import Organization
from tests.support.upstream import Reply, Upstream


@pytest.mark.parametrize("moment", [0.0, 0.02, 0.1, 0.25])
async def test_a_cancelled_task_cannot_skip_the_settlement(
    bench: Bench, org: Organization, upstream: Upstream, moment: float
) -> None:
    """elizaOS/eliza#11169, useautumn/autumn#1365: stranded holds lock users out."""
    upstream.script(Reply(usage=TOKENS, delay_chunk=0.05))
    meter = bench.meter()

    async def work() -> None:
        async with await opened(meter, org) as interaction:
            await ask(interaction)

    task = asyncio.create_task(work())
    await asyncio.sleep(moment)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await meter.drain(10)
    await until(lambda: bench.balance(org).held == 0)
    rows = bench.usage(org)
    assert [row.charged for row in rows] in ([], [COST])


@pytest.mark.requirement("P17")
async def test_reading_on_for_a_client_that_left_ends_after_so_many_bytes(
    bench: Bench, org: Organization, upstream: Upstream
) -> None:
    upstream.script(Reply(chunks=tuple("word " * 20 for _ in range(200)), usage=TOKENS, delay_chunk=0.005))
    async with await opened(bench.meter(drain_bytes=2_000), org) as interaction, interaction.call(BODY, stream=True):
        pass
    (row,) = bench.usage(org)
    assert (row.measurement, row.outcome) == ("partial", "cancelled")
    assert 0 < row.tokens.output < 1_000
    assert row.charged <= interaction.hold.amount
    assert await asyncio.to_thread(upstream.disconnected.wait, 5), "the provider was cut off"


@pytest.mark.requirement("P17")
@pytest.mark.parametrize("policy", [{"drain_seconds": 0.2}, {"max_drains": 0}])
async def test_reading_on_ends_after_so_long_and_for_so_many(
    bench: Bench, org: Organization, upstream: Upstream, policy: dict[str, Any]
) -> None:
    upstream.script(Reply(chunks=("word ",) * 100, usage=TOKENS, delay_chunk=0.05))
    began = time.monotonic()
    async with await opened(bench.meter(**policy), org) as interaction, interaction.call(BODY, stream=True) as call:
        async for _ in call.events():
            break
    assert time.monotonic() - began < 2
    (row,) = bench.usage(org)
    assert (row.measurement, row.outcome) == ("partial", "cancelled")
    assert row.tokens.output >= 1


async def test_a_reader_that_stays_but_does_not_read_is_treated_as_gone(
    bench: Bench, org: Organization, upstream: Upstream
) -> None:
    upstream.script(Reply(chunks=("word ",) * 20, usage=TOKENS))
    meter = bench.meter(buffered_events=2, stalled_reader_seconds=0.1)
    async with await opened(meter, org) as interaction, interaction.call(BODY, stream=True) as call:
        await asyncio.sleep(0.5)
        with pytest.raises(CutOff):
            async for _ in call.events():
                pass
    (row,) = bench.usage(org)
    assert (row.charged, row.outcome) == (COST, "cancelled")


@pytest.mark.requirement("P17")
async def test_an_answer_that_takes_too_long_is_cut_off(bench: Bench, org: Organization, upstream: Upstream) -> None:
    upstream.script(Reply(chunks=("word ",) * 100, usage=TOKENS, delay_chunk=0.05))
    with pytest.raises(CutOff):
        async with await opened(bench.meter(longest_call_seconds=0.3), org) as interaction:
            await ask(interaction)
    assert bench.usage(org)[0].measurement == "partial"


@pytest.mark.requirement("P17", "B10")
async def test_a_provider_that_sends_nothing_in_time_costs_nothing(
    bench: Bench, org: Organization, upstream: Upstream
) -> None:
    upstream.script(Reply(usage=TOKENS, delay_headers=5))
    with pytest.raises(CutOff):
        async with await opened(bench.meter(longest_call_seconds=0.2), org) as interaction:
            await ask(interaction)
    (row,) = bench.usage(org)
    assert (row.charged, row.outcome) == (0, "failed")


@pytest.mark.requirement("B1")
async def test_a_hold_lives_as_long_as_its_stream(bench: Bench, org: Organization, upstream: Upstream) -> None:
    upstream.script(Reply(chunks=("word ",) * 30, usage=TOKENS, delay_chunk=0.1))
    async with await opened(bench.meter(hold_ttl_seconds=1, renew_every_seconds=0.3), org) as interaction:
        await ask(interaction)
    (row,) = bench.usage(org)
    assert (row.charged, row.outcome) == (COST, "completed")
    kinds = [entry.kind for entry in bench.organizations.run(org.org_id, queries.entries(org.org_id, limit=50))]
    assert "lapse" not in kinds
    assert "extend" in kinds


async def test_usage_of_a_hold_that_lapsed_is_recorded_under_its_id_once(
    bench: Bench, org: Organization, upstream: Upstream
) -> None:
    """The process was stopped for longer than the hold lived: never a second debit, never a lost one."""
    upstream.script(Reply(usage=TOKENS, delay_chunk=0.3))
    async with await opened(bench.meter(hold_ttl_seconds=1, renew_every_seconds=60), org) as interaction:
        await ask(interaction)
    (row,) = bench.usage(org)
    assert (row.usage_id, row.charged) == (interaction.hold.hold_id, COST)
    assert bench.balance(org).available == 300_000_000 - COST
    assert bench.balance(org).held == 0


async def test_usage_of_a_hold_that_lapsed_is_charged_as_far_as_the_credits_still_go(
    bench: Bench, org: Organization, upstream: Upstream
) -> None:
    upstream.script(Reply(usage=TOKENS, delay_chunk=0.5))
    async with await opened(bench.meter(hold_ttl_seconds=1, renew_every_seconds=60), org) as interaction:
        reading = asyncio.create_task(ask(interaction))
        await asyncio.sleep(1.2)
        left = COST // 2
        spent = RecordUsage(org_id=org.org_id, usage_id="meanwhile", subject=SUBJECT, credits=300_000_000 - left)
        await bench.engine.submit(spent)
        await reading
    late = bench.usage(org)[0]
    assert (late.usage_id, late.charged, late.cost) == (interaction.hold.hold_id, left, COST)
    assert bench.balance(org).available == 0


@pytest.mark.requirement("R60", "I14", "B13")
async def test_switching_ai_off_cuts_calls_in_flight_off_and_they_are_free(
    bench: Bench, org: Organization, upstream: Upstream
) -> None:
    upstream.script(Reply(chunks=("word ",) * 200, usage=TOKENS, delay_chunk=0.05))
    meter = bench.meter(renew_every_seconds=0.1)

    async def switch_off() -> None:
        await asyncio.sleep(0.3)
        await bench.engine.submit(SwitchAi(org_id=org.org_id, switch_id="off", enabled=False))

    switching = asyncio.create_task(switch_off())
    with pytest.raises(AiDisabled):
        async with await opened(meter, org) as interaction:
            await ask(interaction)
    await switching
    assert bench.usage(org) == []
    assert bench.balance(org).available == 300_000_000
    with pytest.raises(AiDisabled):
        await opened(meter, org)


async def test_one_user_cannot_open_calls_without_end(bench: Bench, org: Organization) -> None:
    meter = bench.meter(max_open_calls_per_user=3)
    held = [await opened(meter, org) for _ in range(3)]
    with pytest.raises(TooManyOpenCalls):
        await opened(meter, org)
    await held[0].close()
    held[0] = await opened(meter, org)
    for interaction in held:
        await interaction.close()


async def test_stopping_settles_what_is_in_flight(bench: Bench, org: Organization, upstream: Upstream) -> None:
    upstream.script(Reply(chunks=("word ",) * 200, usage=TOKENS, delay_chunk=0.05))
    meter = bench.meter()
    interaction = await opened(meter, org)
    asking = asyncio.create_task(ask(interaction))
    await asyncio.sleep(0.3)
    await meter.drain(0.2)
    with pytest.raises(CutOff):
        await asking
    (row,) = bench.usage(org)
    assert row.measurement == "partial"
    assert row.charged > 0
    assert bench.balance(org).held == 0
