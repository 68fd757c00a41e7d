"""Streams cut at random points, by the client, the provider or both, many at once: the books always close."""

import asyncio
import random
from typing import Any

import pytest

from testkase.foundation.problems import Problem
from tests.support.metering import TOKENS, Bench, opened
from tests.support.programs import Organization
from tests.support.upstream import Reply, Upstream

BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}
CALLS = 60


def reply(dice: random.Random) -> Reply:
    """A provider in one of its moods."""
    mood = dice.choice(["well", "cut", "silent", "refusing", "failing inside"])
    delay = dice.choice([0.0, 0.01])
    if mood == "cut":
        return Reply(usage=TOKENS, cut_after=dice.randint(0, 6), cut=dice.choice(["eof", "broken"]), delay_chunk=delay)
    if mood == "silent":
        return Reply(usage=None, delay_chunk=delay)
    if mood == "refusing":
        return Reply(status=dice.choice([400, 429, 500]))
    if mood == "failing inside":
        return Reply(cut_after=dice.randint(0, 3), error={"error": {"message": "overloaded"}}, delay_chunk=delay)
    return Reply(usage=TOKENS, delay_chunk=delay)


@pytest.mark.requirement("P17", "B1", "I3", "I11")
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_what_was_delivered_is_charged_and_no_hold_stays(
    bench: Bench, org: Organization, upstream: Upstream, seed: int
) -> None:
    dice = random.Random(seed)
    meter = bench.meter(drain_seconds=dice.choice([0.02, 5]), drain_bytes=dice.choice([100, 65_536]))
    upstream.script(*(reply(dice) for _ in range(CALLS)))
    received: dict[str, int] = {}

    async def call(leaves_after: int, cancelled_after: float | None) -> None:
        interaction = await opened(meter, org, input_tokens=200, output_tokens=100)
        hold_id = interaction.hold.hold_id
        received[hold_id] = 0

        async def read() -> None:
            async with interaction, interaction.call(BODY, stream=True) as answer:
                async for event in answer.events():
                    received[hold_id] += b'"content"' in event
                    if received[hold_id] >= leaves_after:
                        return

        task = asyncio.create_task(read())
        done, _ = await asyncio.wait([task], timeout=cancelled_after)
        if not done:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        if done and task.exception() is not None:
            assert isinstance(task.exception(), Problem)

    await asyncio.gather(
        *(call(dice.randint(0, 5) or 99, dice.choice([None, None, dice.random() / 10])) for _ in range(CALLS))
    )
    await meter.drain(10)

    rows = {row.usage_id: row for row in (*bench.usage(org), *bench.usage(org, before=bench.usage(org)[-1].seq))}
    balance = bench.balance(org)
    assert balance.held == 0
    assert balance.available + balance.period_used == 300_000_000
    assert sum(row.charged for row in rows.values()) == balance.period_used
    for hold_id, events in received.items():
        if events:
            assert rows[hold_id].charged > 0, "delivered and not charged"
        elif hold_id in rows and rows[hold_id].outcome in ("failed", "refused"):
            assert rows[hold_id].charged == 0, "failed and charged"
