"""Answers of the small model: code finds and writes the facts, the model adds a sentence that is judged before anybody
sees it, and only a sentence that is shown is charged."""

import asyncio

import pytest

from testkase.core.ledger.commands import SwitchAi
from testkase.services.features.chat.advice.asking import TEMPERATURES
from testkase.services.features.chat.answering import NOTHING_TO_ADVISE, REFUSED
from testkase.services.inference import EMBEDDED_MODEL
from tests.integration.chat.conftest import MADE_UP, SENTENCE, Scene, spoken
from tests.support.upstream import Reply

ADVICE = "Look at the newest failures first, and talk to the developers."
SLOWLY = Reply(
    chunks=tuple(SENTENCE[start : start + 4] for start in range(0, len(SENTENCE), 4)), delay_chunk=0.2,
    usage={"prompt_tokens": 400, "completion_tokens": 40},
)  # fmt: skip


@pytest.fixture
async def failing(scene: Scene) -> Scene:
    """With a case that fails."""
    await scene.room.failing(await scene.room.case("Voucher has expired"), "No message is shown")
    return scene


async def until_found(scene: Scene, turn: tuple[int, int]) -> None:
    while not scene.upstream.requests or not (await scene.turn(turn)).facts:
        await asyncio.sleep(0.02)


@pytest.mark.requirement("P11", "P17")
async def test_code_finds_the_facts_and_the_model_adds_a_sentence(failing: Scene) -> None:
    failing.upstream.default = spoken(SENTENCE)
    turn = await failing.answered("Which test cases failed?", model=EMBEDDED_MODEL)
    assert (turn.state, turn.ending, turn.error, turn.answer) == ("answered", "", None, ADVICE)
    assert "**1 failed result**" in turn.facts
    assert "COBA-1 Voucher has expired, in Release 4" in turn.facts
    assert ("case", "COBA-1") in {(source.kind, source.ref) for source in turn.sources}
    [row] = await failing.usage()
    assert (row.outcome, row.charged, row.tokens.output) == ("completed", turn.charged, 40)
    assert row.charged > 0


@pytest.mark.requirement("R72", "R73")
async def test_the_model_is_told_no_title_no_comment_and_not_the_question(failing: Scene) -> None:
    failing.upstream.default = spoken(SENTENCE)
    await failing.answered("Why did the Voucher case fail, canary-7?", model=EMBEDDED_MODEL)
    [request] = failing.upstream.requests
    assert "tools" not in request.body
    assert not any(word in str(request.body) for word in ("Voucher", "No message", "canary-7", "COBA"))


@pytest.mark.requirement("B10")
async def test_a_refused_sentence_is_asked_for_once_more_and_costs_nothing(failing: Scene) -> None:
    failing.upstream.script(spoken(MADE_UP), spoken(SENTENCE))
    turn = await failing.answered("Which test cases failed?", model=EMBEDDED_MODEL)
    assert (turn.answer, turn.ending) == (ADVICE, "")
    assert [request.body["temperature"] for request in failing.upstream.requests] == list(TEMPERATURES)
    [row] = await failing.usage()
    assert (row.tokens.input, row.tokens.output) == (400, 40)


@pytest.mark.requirement("B10")
async def test_without_a_sentence_that_may_be_shown_the_facts_are_the_answer_for_nothing(failing: Scene) -> None:
    failing.upstream.default = spoken(MADE_UP)
    before = await failing.available()
    turn = await failing.answered("Which test cases failed?", model=EMBEDDED_MODEL)
    assert (turn.state, turn.ending, turn.error, turn.charged) == ("answered", "facts_only", REFUSED, 0)
    assert turn.answer == ""
    assert "COBA-1 Voucher has expired" in turn.facts
    assert {source.ref for source in turn.sources} >= {"COBA-1"}
    assert len(failing.upstream.requests) == 2
    assert (await failing.available(), await failing.held()) == (before, 0)
    [row] = await failing.usage()
    assert (row.outcome, row.charged) == ("failed", 0)


@pytest.mark.requirement("B10")
async def test_where_nothing_was_found_the_model_is_not_asked(scene: Scene) -> None:
    turn = await scene.answered("Which test cases are flaky?", model=EMBEDDED_MODEL)
    assert (turn.state, turn.ending, turn.error, turn.charged) == ("answered", "facts_only", NOTHING_TO_ADVISE, 0)
    assert "No test case went back and forth" in turn.facts
    assert scene.upstream.requests == []
    assert (await scene.usage(), await scene.held()) == ([], 0)


async def test_facts_are_there_at_once_and_no_piece_of_a_sentence_before_it_was_judged(failing: Scene) -> None:
    failing.upstream.default = SLOWLY
    turn = await failing.question(model=EMBEDDED_MODEL)
    job = asyncio.create_task(failing.run(turn))
    await until_found(failing, turn)
    seen = set()
    while not job.done():
        seen.add((await failing.turn(turn)).answer)
        await asyncio.sleep(0.05)
    assert seen <= {"", ADVICE}
    assert (await job).answer == ADVICE


@pytest.mark.requirement("P17")
async def test_stop_before_the_sentence_was_shown_leaves_the_facts_and_charges_nothing(failing: Scene) -> None:
    failing.upstream.default = SLOWLY
    turn = await failing.question(model=EMBEDDED_MODEL)
    job = asyncio.create_task(failing.run(turn))
    await until_found(failing, turn)
    await failing.stop(turn)
    done = await asyncio.wait_for(job, 5)
    assert (done.state, done.ending, done.charged, done.answer) == ("answered", "stopped", 0, "")
    assert "**1 failed result**" in done.facts
    assert [row.charged for row in await failing.usage()] == [0]
    assert await failing.held() == 0


@pytest.mark.requirement("P17")
async def test_a_sentence_that_breaks_off_is_not_shown_and_not_charged(failing: Scene) -> None:
    failing.upstream.default = spoken(SENTENCE, cut_after=2, cut="broken")
    turn = await failing.answered(model=EMBEDDED_MODEL)
    assert (turn.state, turn.charged, turn.answer) == ("failed", 0, "")
    assert "**1 failed result**" in turn.facts
    assert [row.charged for row in await failing.usage()] == [0]


@pytest.mark.requirement("R60", "I14")
async def test_switching_off_while_the_sentence_is_written_charges_nothing(failing: Scene) -> None:
    failing.upstream.default = SLOWLY
    turn = await failing.question(model=EMBEDDED_MODEL)
    job = asyncio.create_task(failing.run(turn))
    await until_found(failing, turn)
    room = failing.room
    await room.engine.submit(SwitchAi(org_id=room.org_id, switch_id="off", enabled=False))
    done = await asyncio.wait_for(job, 5)
    assert (done.state, done.ending, done.charged, done.answer) == ("failed", "switched_off", 0, "")


async def test_facts_stay_where_the_small_model_fails(scene: Scene) -> None:
    await scene.room.case("Voucher has expired")
    scene.upstream.default = Reply(status=500)
    turn = await scene.answered("How many test cases are there?", model=EMBEDDED_MODEL)
    assert (turn.state, turn.charged) == ("failed", 0)
    assert "**1 test case**" in turn.facts
