"""Answers cut at random, by the provider, by Stop, by the death of the worker: what stays is charged, once."""

import asyncio
import random

import pytest

from testkase.core.ledger.verify import verify
from testkase.services.features.chat.model import Turn
from tests.integration.chat.conftest import Scene
from tests.support.replies import Reply

TURNS = 20
WORDS = tuple(f"word{number} " for number in range(12))
USAGE = {"prompt_tokens": 400, "completion_tokens": 60}


def reply(dice: random.Random) -> Reply:
    """A provider in one of its moods."""
    mood = dice.choice(("well", "cut", "broken", "reports", "refuses", "silent"))
    slow = dice.choice((0.0, 0.01, 0.03))
    cut = dice.randrange(len(WORDS))
    if mood in ("cut", "broken"):
        return Reply(
            chunks=WORDS, usage=USAGE, delay_chunk=slow, cut_after=cut, cut="broken" if mood == "broken" else "eof"
        )
    if mood == "reports":
        error = {"error": {"message": "overloaded"}}
        return Reply(chunks=WORDS, usage=USAGE, delay_chunk=slow, cut_after=cut, error=error)
    if mood == "refuses":
        return Reply(status=dice.choice((429, 500)))
    return Reply(chunks=WORDS, delay_chunk=slow, usage=USAGE if mood == "well" else None)


async def one_turn(scene: Scene, dice: random.Random) -> Turn:
    """Asked, and answered as far as it comes: stopped, killed and begun anew, or left alone."""
    turn = await scene.question()
    job = asyncio.create_task(scene.run(turn))
    how = dice.choice(("left alone", "left alone", "stopped", "killed"))
    await asyncio.wait([job], timeout=dice.random() / 3 if how != "left alone" else None)
    if how == "stopped" and not job.done():
        await scene.stop(turn)
    if how == "killed":
        job.cancel()
    await asyncio.gather(job, return_exceptions=True)
    done = await scene.turn(turn)
    return done if done.finished else await scene.run(turn)


@pytest.mark.requirement("P17", "B1", "I3", "I11")
@pytest.mark.parametrize("seed", [1, 2])
async def test_what_stays_on_the_page_is_charged_and_nothing_else(scene: Scene, seed: int) -> None:
    dice = random.Random(seed)
    before, turns = await scene.available(), []
    for _ in range(TURNS):
        scene.upstream.default = reply(dice)
        turns.append(await one_turn(scene, dice))
    usage = {row.seq: row.charged for row in await scene.usage()}
    for turn in turns:
        assert turn.finished
        assert bool(turn.charged) == bool(turn.answer.strip()), f"{turn.state} {turn.ending}: {turn.answer!r}"
        assert "".join(WORDS).startswith(turn.answer.strip()), "nothing twice, nothing left out"
        if turn.receipt is not None:
            assert usage.pop(turn.receipt) == turn.charged
    assert 3 < sum(bool(turn.charged) for turn in turns) < TURNS - 3, "some of each"
    assert not any(usage.values()), "charged without an answer"
    assert (await scene.available(), await scene.held()) == (before - sum(turn.charged or 0 for turn in turns), 0)
    assert await scene.room.ask(verify(scene.room.org_id)) == []
