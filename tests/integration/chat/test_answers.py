"""A question from asking to answer on PostgreSQL, with everything that can go wrong on the way."""

import asyncio
import logging

import psycopg
import pytest

from testkase.core.ledger.commands import OpenHold, SwitchAi
from testkase.core.ledger.model import Subject
from testkase.core.ledger.refusals import AiDisabled, InsufficientCredits
from testkase.foundation.problems import InvalidInput
from testkase.services.audit import OPERATOR
from testkase.services.features.chat import operations
from testkase.services.features.chat.answering import TOO_LONG
from testkase.services.features.chat.asking import AnswerRunning
from testkase.services.features.chat.prompting import MAX_ROUNDS
from testkase.services.features.chat.run import NO_ANSWER
from testkase.services.features.running.carrying_out import OUR_FAULT
from testkase.services.inference import EMBEDDED_MODEL
from tests.integration.chat.conftest import Scene, looks_up, spoken
from tests.support.features import LARGE_MODEL
from tests.support.upstream import Reply

CANARY = "canary-5d01-question"
SLOW = Reply(
    chunks=("The first ", "words ", *("and more " for _ in range(200))), delay_chunk=0.05,
    usage={"prompt_tokens": 400, "completion_tokens": 400},
)  # fmt: skip


@pytest.mark.requirement("R1", "P11", "P17")
async def test_an_answer_with_all_its_look_ups_is_one_hold_and_one_row_of_usage(scene: Scene) -> None:
    key = await scene.room.case("Voucher has expired")
    await scene.room.failing(key, "No message is shown")
    scene.upstream.script(looks_up("recent_failures"), looks_up("get_case", f'{{"key": "{key}"}}'))
    scene.upstream.default = spoken(f"One case fails: {key}, in Release 4.")
    turn = await scene.answered()
    assert (turn.state, turn.error, turn.answer) == ("answered", None, f"One case fails: {key}, in Release 4.")
    assert (key, "case") in {(source.ref, source.kind) for source in turn.sources}
    [row] = await scene.usage()
    assert (row.use_case, row.user, row.project, row.model) == ("chat", "ada@cobalt.example", "COBA", LARGE_MODEL)
    assert (row.tokens.input, row.tokens.output, row.outcome) == (1000, 80, "completed")
    assert (turn.charged, turn.receipt) == (row.charged, row.seq)
    assert await scene.held() == 0


async def test_the_model_reads_what_the_tools_found_and_what_was_said_before(scene: Scene) -> None:
    key = await scene.room.case("Voucher has expired")
    thread, _ = first = await scene.question("Is there anything about vouchers?")
    scene.upstream.script(looks_up("search_cases", '{"text": "voucher"}'), spoken("Yes, one."))
    await scene.run(first)
    await scene.answered("And which?", thread=thread)
    told = scene.upstream.requests[1].body["messages"][-1]
    assert told["role"] == "tool"
    assert key in told["content"]
    last = scene.upstream.requests[-1].body["messages"]
    assert [message["content"] for message in last[1:]] == [
        "Is there anything about vouchers?", "Yes, one.", "And which?",
    ]  # fmt: skip


async def test_the_number_of_rounds_is_bounded_and_the_last_may_not_look_anything_up(scene: Scene) -> None:
    scene.upstream.default = looks_up("counts")
    turn = await scene.answered()
    assert len(scene.upstream.requests) == MAX_ROUNDS + 1
    assert [one.body["tool_choice"] for one in scene.upstream.requests] == ["auto"] * MAX_ROUNDS + ["none"]
    assert (turn.state, turn.charged, turn.error) == ("failed", 0, NO_ANSWER)


@pytest.mark.requirement("P17")
async def test_the_hold_made_at_first_covers_every_round(scene: Scene) -> None:
    for number in range(30):
        await scene.room.case(f"Voucher {number} " + "with a long title " * 12)
    scene.upstream.script(*(looks_up("search_cases", '{"text": "voucher"}') for _ in range(MAX_ROUNDS)))
    turn = await scene.question()
    job = asyncio.create_task(scene.run(turn))
    while not (first := await scene.held()):
        await asyncio.sleep(0.005)
    seen = {first}
    while not job.done():
        seen.add(await scene.held())
        await asyncio.sleep(0.005)
    assert seen <= {first, 0}


@pytest.mark.requirement("P17", "B10")
@pytest.mark.parametrize("model", [LARGE_MODEL, EMBEDDED_MODEL])
@pytest.mark.parametrize(
    "reply",
    [Reply(status=500), Reply(status=400, error={"error": {"message": CANARY}}), Reply(chunks=("",))],
    ids=["fails", "refuses", "says nothing"],
)
async def test_without_an_answer_nothing_is_charged_and_it_is_said(scene: Scene, reply: Reply, model: str) -> None:
    await scene.room.failing(await scene.room.case("Voucher has expired"), "No message is shown")
    scene.upstream.default = reply
    before = await scene.available()
    turn = await scene.answered(model=model)
    assert (turn.state, turn.ending, turn.charged) in {("failed", "", 0), ("answered", "facts_only", 0)}
    assert turn.answer == ""
    assert turn.error is not None
    assert CANARY not in turn.error
    assert (await scene.available(), await scene.held()) == (before, 0)


async def test_an_answer_that_breaks_off_is_kept_and_charged_for_what_came(scene: Scene) -> None:
    scene.upstream.default = spoken("It begins well enough and then breaks.", cut_after=2, cut="broken")
    turn = await scene.answered()
    assert turn.state == "answered"
    assert "It begins" in turn.answer
    assert turn.error is not None
    [row] = await scene.usage()
    assert (row.measurement, row.charged) == ("partial", turn.charged)


async def test_an_answer_that_reached_the_limit_says_so(scene: Scene) -> None:
    scene.upstream.default = spoken("It goes on and", finish_reason="length")
    turn = await scene.answered()
    assert turn.answer == f"It goes on and{TOO_LONG}"


@pytest.mark.requirement("P17")
async def test_stop_ends_the_answer_and_charges_what_was_delivered(scene: Scene) -> None:
    scene.upstream.default = SLOW
    turn = await scene.question()
    job = asyncio.create_task(scene.run(turn))
    await scene.until(turn, "words")
    await scene.stop(turn)
    done = await asyncio.wait_for(job, 5)
    assert (done.state, done.ending, done.error) == ("answered", "stopped", None)
    assert done.answer.startswith("The first words")
    assert len(done.answer) < 1_000
    [row] = await scene.usage()
    assert (row.outcome, row.charged) == ("cancelled", done.charged)
    assert 0 < row.tokens.output < 400
    assert await scene.held() == 0


async def test_stop_before_the_first_word_costs_nothing(scene: Scene) -> None:
    scene.upstream.default = Reply(delay_first=30)
    turn = await scene.question()
    job = asyncio.create_task(scene.run(turn))
    while not scene.upstream.requests:
        await asyncio.sleep(0.01)
    await scene.stop(turn)
    done = await asyncio.wait_for(job, 5)
    assert (done.ending, done.charged, done.answer) == ("stopped", 0, "")


async def test_what_no_worker_has_begun_is_stopped_at_once_and_never_asked(scene: Scene) -> None:
    turn = await scene.question()
    await scene.stop(turn)
    assert (await scene.turn(turn)).finished
    await scene.run(turn)
    assert scene.upstream.requests == []
    await scene.question()


@pytest.mark.requirement("R60", "R61", "I14")
async def test_switching_ai_off_in_the_middle_cuts_the_answer_and_charges_nothing(scene: Scene) -> None:
    scene.upstream.default = SLOW
    before = await scene.available()
    turn = await scene.question()
    job = asyncio.create_task(scene.run(turn))
    await scene.until(turn, "words")
    await scene.room.engine.submit(SwitchAi(org_id=scene.room.org_id, switch_id="off", enabled=False))
    done = await asyncio.wait_for(job, 5)
    assert (done.state, done.ending, done.charged) == ("failed", "switched_off", 0)
    assert done.answer.startswith("The first words")
    assert await scene.available() == before
    assert sum(row.charged for row in await scene.usage()) == 0


@pytest.mark.requirement("R60")
async def test_while_ai_is_off_nothing_is_asked_or_answered(scene: Scene) -> None:
    waiting = await scene.question()
    await scene.room.engine.submit(SwitchAi(org_id=scene.room.org_id, switch_id="off", enabled=False))
    with pytest.raises(AiDisabled):
        await scene.question()
    turn = await scene.run(waiting)
    assert (turn.state, turn.charged, turn.ending) == ("failed", 0, "switched_off")
    assert scene.upstream.requests == []


@pytest.mark.requirement("P18")
@pytest.mark.parametrize("credits", [1])
async def test_without_enough_credits_the_model_is_not_called(scene: Scene) -> None:
    with pytest.raises(InsufficientCredits):
        await scene.question(most=2_000_000)
    assert await scene.room.ask(operations.threads(scene.room.mine, limit=5)) == []
    turn = await scene.run(await scene.question("é" * 2_000))
    assert (turn.state, turn.charged) == ("failed", 0)
    assert scene.upstream.requests == []


async def test_one_answer_is_written_at_a_time_whichever_page_asks(scene: Scene) -> None:
    asked = await asyncio.gather(*(scene.question() for _ in range(6)), return_exceptions=True)
    begun = [one for one in asked if isinstance(one, tuple)]
    assert len(begun) == 1
    others = [one for one in asked if one not in begun]
    assert all(isinstance(one, AnswerRunning) for one in others)
    with pytest.raises(AnswerRunning, match=r"written, in the chat “.+” of [A-Z]+\. Wait for it, or stop it\."):
        await scene.question()
    await scene.run(begun[0])
    await scene.question(thread=begun[0][0])


async def test_an_answer_lost_for_an_hour_keeps_nobody_from_asking(scene: Scene) -> None:
    lost = await scene.question()
    await scene.as_owner("UPDATE chat_turn SET created_at = now() - interval '2 hours'")
    await scene.question()
    assert (await scene.turn(lost)).state == "failed"


async def test_an_answer_that_waited_long_is_not_taken_for_lost_while_it_is_written(scene: Scene) -> None:
    late = await scene.question()
    subject = Subject(use_case="chat", user="ada@example.com", project="SHOP")
    hold = OpenHold(org_id=scene.room.org_id, hold_id="late", amount=1, ttl_seconds=60, subject=subject)
    await scene.meter.engine.submit(hold)
    await scene.as_owner(
        "UPDATE chat_turn SET created_at = now() - interval '2 hours', state = 'running', hold_id = 'late'"
    )
    with pytest.raises(AnswerRunning):
        await scene.question()
    assert (await scene.turn(late)).state == "running"


async def test_a_killed_run_is_begun_anew_without_a_second_charge(scene: Scene) -> None:
    scene.upstream.default = SLOW
    turn = await scene.question()
    job = asyncio.create_task(scene.run(turn))
    await scene.until(turn, "words")
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    scene.upstream.default = spoken("All well.")
    done = await scene.run(turn)
    assert (done.state, done.answer) == ("answered", "All well.")
    assert [row.charged for row in await scene.usage()] == [done.charged]
    assert await scene.held() == 0


async def test_a_run_killed_between_settlement_and_its_own_record_is_not_charged_again(scene: Scene) -> None:
    turn = await scene.question()
    settled = await scene.run(turn)
    await scene.as_owner("UPDATE chat_turn SET state = 'running', finished_at = NULL, charged = NULL, receipt = NULL")
    done = await scene.run(turn)
    assert (done.answer, done.charged, done.receipt) == (settled.answer, settled.charged, settled.receipt)
    assert len(scene.upstream.requests) == 1


async def test_two_runs_of_one_turn_end_as_one(scene: Scene) -> None:
    scene.upstream.script(SLOW)
    turn = await scene.question()
    first = asyncio.create_task(scene.run(turn))
    await scene.until(turn, "words")
    done = await scene.run(turn)
    await asyncio.wait_for(first, 10)
    assert done.answer == "Nothing failed."
    assert (await scene.turn(turn)) == done
    assert [row.charged for row in await scene.usage() if row.charged] == [done.charged]


@pytest.mark.requirement("P16")
async def test_a_deleted_chat_ends_its_answer_and_leaves_its_sum(scene: Scene) -> None:
    scene.upstream.default = SLOW
    turn = await scene.question()
    job = asyncio.create_task(run_quietly(scene, turn))
    await scene.until(turn, "words")
    await scene.room.ask(operations.delete_thread(scene.room.mine, turn[0], project_key="COBA", actor=OPERATOR))
    await asyncio.wait_for(job, 5)
    [row] = await scene.usage()
    assert row.charged > 0
    assert await scene.held() == 0


async def run_quietly(scene: Scene, turn: tuple[int, int]) -> None:
    from testkase.services.features.chat.run import run_turn

    await run_turn(scene.room.org_id, *turn, scene.meter, scene.room.database)


@pytest.mark.parametrize("text", ["", " \n ", "?!", "x" * 2_001, "\x00"])
async def test_what_is_no_question_is_refused(scene: Scene, text: str) -> None:
    with pytest.raises(InvalidInput):
        await scene.question(text)


@pytest.mark.requirement("P16")
async def test_questions_and_answers_are_in_no_log_no_job_and_no_record(
    scene: Scene, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)

    async def refused(*_: object, **__: object) -> None:
        raise psycopg.DataError(f"invalid input: {CANARY}")

    with monkeypatch.context() as broken:
        broken.setattr("testkase.services.features.chat.run.answer_large", refused)
        turn = await scene.answered(CANARY)
    assert (turn.error, turn.charged) == (OUR_FAULT, 0)
    scene.upstream.default = spoken(f"As you say: {CANARY}")
    await scene.answered(CANARY)
    assert CANARY not in caplog.text
    async with await psycopg.AsyncConnection.connect(scene.owner_url) as owner:
        for table in ("ledger.usage", "ledger.entry", "activity", "procrastinate_jobs", "notification"):
            rows = await (await owner.execute(f"SELECT t::text FROM {table} AS t")).fetchall()
            assert CANARY not in str(rows)
