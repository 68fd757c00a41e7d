"""A run of reports from request to text on PostgreSQL, with everything that can go wrong on the way."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from testkase.core.ledger.commands import OpenHold, SwitchAi
from testkase.core.ledger.model import Subject
from testkase.core.ledger.queries import receipt
from testkase.core.ledger.refusals import AiDisabled, InsufficientCredits
from testkase.core.ledger.verify import verify
from testkase.core.pricing import load_price_books
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.audit import OPERATOR
from testkase.services.features.reports.model import KINDS
from testkase.services.features.reports.requests import TooManyRuns, delete_report, reports
from testkase.services.features.reports.run import NOT_ALLOWED
from testkase.services.features.reports.texts import REFUSED
from testkase.services.inference import EMBEDDED_MODEL
from testkase.services.live import Watcher
from testkase.services.metering.meter import Meter
from testkase.services.metering.problems import SWITCHED_OFF
from tests.integration.reports.conftest import SAFE, Scene, large_answer, small_answer, spoken
from tests.support.features import LARGE_MODEL
from tests.support.replies import Reply

CANARY = "canary-3f0a1-title"
MADE_UP = large_answer("A total of 4,711 cases failed this week.")


@pytest.fixture
async def watched(scene: Scene) -> AsyncIterator[Scene]:
    """The scene with a meter that is told of the switch, as the worker's is."""
    watcher = Watcher(scene.database, every_seconds=0.2)
    scene.meter = Meter(scene.engine, load_price_books(), scene.meter.catalog, watcher=watcher)
    yield scene
    await scene.meter.drain(5)
    await watcher.close()


@pytest.mark.requirement("R1", "P11", "P17")
async def test_a_report_is_one_hold_and_one_row_of_usage(scene: Scene) -> None:
    view = await scene.made(await scene.asked("flaky"))
    assert (view.state, view.run_state, view.error) == ("succeeded", "succeeded", None)
    assert view.facts is not None
    assert view.facts.headline == ("1 of 4 executed cases alternated, 3 times together.",)
    assert view.narrative is not None
    assert view.narrative.summary == SAFE
    [row] = await scene.usage()
    assert (row.use_case, row.user, row.project, row.outcome) == ("report", "ada@example.com", "SHOP", "completed")
    assert (view.charged, view.receipt) == (row.charged, row.seq)
    assert row.charged > 0
    assert (await scene.ask(receipt(scene.org_id, row.seq))).usage.charged == view.charged
    assert (await scene.held(), len(scene.upstream.requests)) == (0, 1)


@pytest.mark.requirement("R67", "P11")
async def test_a_batch_is_one_hold_one_row_and_one_receipt_for_all_its_reports(scene: Scene) -> None:
    before = await scene.available()
    first = await scene.asked(*KINDS)
    await scene.made(first)
    views = await scene.all_of(first)
    assert [(view.kind, view.state) for view in views] == [(kind, "succeeded") for kind in KINDS]
    [row] = await scene.usage()
    assert {view.charged for view in views} == {row.charged}
    assert before - await scene.available() == row.charged
    assert (row.tokens.input, row.tokens.output) == (5 * 900, 5 * 120)
    holds = await scene.ask(_holds(scene.org_id))
    assert len(holds) == 1
    assert await scene.ask(verify(scene.org_id)) == []


@pytest.mark.requirement("B10")
async def test_a_report_of_a_batch_whose_text_is_refused_is_not_charged(scene: Scene) -> None:
    """Refused twice: its two calls cost nothing, the other report's call does."""
    scene.upstream.script(spoken(MADE_UP), spoken(MADE_UP))
    first = await scene.asked("flaky", "risk")
    await scene.made(first)
    flaky, risk = await scene.all_of(first)
    assert (flaky.state, flaky.error, flaky.narrative) == ("failed", REFUSED, None)
    assert flaky.facts is not None
    assert risk.state == "succeeded"
    [row] = await scene.usage()
    assert (row.tokens.input, row.tokens.output) == (900, 120)


async def test_a_text_that_makes_numbers_up_is_asked_for_once_more_with_the_reason(scene: Scene) -> None:
    scene.upstream.script(spoken(MADE_UP))
    view = await scene.made(await scene.asked("flaky"))
    assert view.state == "succeeded"
    repair = scene.upstream.requests[1].body["messages"]
    assert [one["role"] for one in repair] == ["system", "user", "assistant", "user"]
    assert "4,711" in repair[3]["content"]
    assert (await scene.usage())[0].tokens.output == 240


@pytest.mark.requirement("P17", "B10")
@pytest.mark.parametrize(
    "reply",
    [Reply(status=500), Reply(status=400, error={"error": {"message": CANARY}}), Reply(chunks=("",)),
     spoken("no JSON at all"), spoken(MADE_UP), spoken(large_answer(), cut_after=2, cut="broken")],
    ids=["fails", "refuses", "says nothing", "says nonsense", "makes numbers up", "breaks off"],
)  # fmt: skip
@pytest.mark.parametrize("model", [LARGE_MODEL, EMBEDDED_MODEL])
async def test_without_a_text_there_are_the_facts_and_it_costs_nothing(scene: Scene, reply: Reply, model: str) -> None:
    scene.upstream.default = reply
    before = await scene.available()
    view = await scene.made(await scene.asked("flaky", model=model))
    assert (view.state, view.run_state, view.charged, view.narrative) == ("failed", "failed", 0, None)
    assert view.facts is not None
    assert view.facts.tables[0].rows
    assert view.error is not None
    assert CANARY not in view.error
    assert (await scene.available(), await scene.held()) == (before, 0)
    assert all(row.charged == 0 for row in await scene.usage())


async def test_the_small_model_is_asked_for_one_sentence_at_a_time(scene: Scene) -> None:
    scene.upstream.script(spoken(small_answer("Check all twelve cases of it with the team today.")))
    scene.upstream.default = spoken(small_answer())
    view = await scene.made(await scene.asked("flaky", model=EMBEDDED_MODEL))
    assert view.narrative is not None
    assert view.narrative.summary == "1 of 4 executed cases alternated, 3 times together."
    assert [(one.about, one.case_key) for one in view.narrative.recommendations] == [(scene.keys[0],) * 2]
    assert [one.body["temperature"] for one in scene.upstream.requests] == [0.3, 0.8]


@pytest.mark.requirement("P18")
@pytest.mark.parametrize("credits", [1])
async def test_without_enough_credits_the_model_is_not_called(scene: Scene) -> None:
    with pytest.raises(InsufficientCredits):
        await scene.asked("flaky", estimate=2_000_000)
    view = await scene.made(await scene.asked(*KINDS))
    assert (view.run_state, view.charged) == ("failed", 0)
    assert view.facts is not None
    assert (scene.upstream.requests, await scene.usage()) == ([], [])


@pytest.mark.requirement("R60", "P13")
async def test_while_ai_is_off_nothing_is_asked_run_or_charged_and_old_reports_are_read(scene: Scene) -> None:
    old = await scene.asked("risk")
    await scene.made(old)
    waiting = await scene.asked("flaky")
    await switch_off(scene)
    with pytest.raises(AiDisabled):
        await scene.asked("flaky")
    view = await scene.made(waiting)
    assert (view.state, view.error, view.charged) == ("failed", SWITCHED_OFF, 0)
    assert (await scene.seen(old)).narrative is not None
    assert len(scene.upstream.requests) == 1


@pytest.mark.requirement("R60", "R61", "I14")
async def test_switching_ai_off_in_the_middle_charges_nothing_and_keeps_what_is_there(watched: Scene) -> None:
    scene = watched
    scene.upstream.script(spoken(large_answer()), spoken(large_answer(), delay_first=20))
    first = await scene.asked(*KINDS)
    before = await scene.available()
    job = asyncio.create_task(scene.made(first))
    await scene.until_texts(first, 1)
    await switch_off(scene)
    await job
    views = await scene.all_of(first)
    assert views[0].narrative is not None
    assert all(view.facts is not None for view in views)
    assert views[-1].error == SWITCHED_OFF
    assert ({view.charged for view in views}, await scene.available()) == ({0}, before)
    assert sum(row.charged for row in await scene.usage()) == 0


@pytest.mark.requirement("R41", "P15")
@pytest.mark.parametrize("change", ["left", "out of the project", "permission", "deactivated"])
async def test_who_lost_the_right_before_the_job_began_gets_nothing_and_pays_nothing(scene: Scene, change: str) -> None:
    await scene.role("member")
    await scene.project_role("user", may_generate=True)
    first = await scene.asked("flaky", "risk")
    if change == "left":
        await scene.role(None)
    elif change == "deactivated":
        await scene.write("UPDATE app_user SET is_active = false")
    else:
        await scene.project_role("user" if change == "permission" else None)
    view = await scene.made(first)
    assert (view.run_state, view.charged, view.error, view.facts) == ("failed", 0, NOT_ALLOWED, None)
    assert [one.state for one in view.siblings] == ["failed", "failed"]
    assert scene.upstream.requests == []
    assert (await scene.usage(), await scene.held()) == ([], 0)


async def test_a_run_lost_for_an_hour_keeps_nobody_from_asking(scene: Scene) -> None:
    lost = [await scene.asked("flaky") for _ in range(3)]
    await scene.write("UPDATE report_run SET created_at = now() - interval '2 hours'")
    await scene.asked("flaky")
    view = await scene.seen(lost[0])
    assert (view.state, view.run_state, view.charged) == ("failed", "failed", 0)
    assert view.error == "The reports were lost. Nothing was charged."


async def test_a_run_that_waited_long_is_not_taken_for_lost_while_it_is_written(scene: Scene) -> None:
    late = await scene.asked("flaky")
    subject = Subject(use_case="report", user="ada@example.com", project="SHOP")
    hold = OpenHold(org_id=scene.org_id, hold_id="late", amount=1, ttl_seconds=60, subject=subject)
    await scene.meter.engine.submit(hold)
    await scene.write(
        "UPDATE report_run SET created_at = now() - interval '2 hours', state = 'running', hold_id = 'late'"
    )
    await scene.asked("flaky")
    assert (await scene.seen(late)).run_state == "running"


async def test_running_a_finished_run_again_changes_nothing(scene: Scene) -> None:
    report_id = await scene.asked("flaky", "risk")
    first = await scene.made(report_id)
    assert await scene.made(report_id) == first
    assert (len(await scene.usage()), len(scene.upstream.requests)) == (1, 2)


async def test_a_killed_run_is_continued_without_a_second_charge(scene: Scene) -> None:
    scene.upstream.script(spoken(large_answer()), spoken(large_answer(), delay_first=30))
    first = await scene.asked("flaky", "predicted", "risk")
    job = asyncio.create_task(scene.made(first))
    await scene.until_asked(2)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    scene.upstream.default = spoken(large_answer("Later the team looked at it again."))
    await scene.made(first)
    views = await scene.all_of(first)
    texts = [view.narrative.summary for view in views if view.narrative]
    assert texts == [SAFE, *["Later the team looked at it again."] * 2]
    [row] = await scene.usage()
    assert (row.charged, row.tokens.output) == (views[0].charged, 240)
    assert await scene.held() == 0


async def test_a_run_killed_between_settlement_and_its_own_record_is_not_charged_again(scene: Scene) -> None:
    first = await scene.asked("flaky")
    settled = await scene.made(first)
    await scene.ask(_unrecord(scene.org_id, scene.run_id))
    view = await scene.made(first)
    assert (view.run_state, view.charged, view.receipt) == ("succeeded", settled.charged, settled.receipt)
    assert (len(await scene.usage()), len(scene.upstream.requests)) == (1, 1)


async def test_of_two_attempts_at_once_only_the_newer_writes_and_charges(scene: Scene) -> None:
    scene.upstream.script(spoken(large_answer(), delay_first=1.0))
    first = await scene.asked("flaky")
    older = asyncio.create_task(scene.made(first))
    await scene.until_asked(1)
    view = await scene.made(first)
    await older
    assert view.state == "succeeded"
    assert len(await scene.usage()) == 1
    assert await scene.held() == 0


async def test_progress_shows_the_text_from_its_first_words_with_figures_by_code(scene: Scene) -> None:
    summary = "So far {F1} cases of the whole project alternated, and the team should look at them."
    scene.upstream.default = spoken(large_answer(summary), delay_chunk=0.3)
    first = await scene.asked("flaky")
    job = asyncio.create_task(scene.made(first))
    seen = ""
    while "So far 1 cases" not in seen:
        await asyncio.sleep(0.05)
        view = await scene.seen(first)
        seen = view.progress.writing
        assert not job.done()
    assert view.facts is not None
    assert (view.progress.done, view.progress.total, view.progress.now) == (0, 1, "Flaky tests")
    await job


async def test_a_project_without_a_cycle_is_told_what_to_do(bare: Scene) -> None:
    with pytest.raises(InvalidInput, match="no test cycle yet"):
        await bare.asked("flaky")
    assert bare.upstream.requests == []


async def test_nobody_has_many_runs_under_way(scene: Scene) -> None:
    for _ in range(3):
        await scene.asked("flaky")
    with pytest.raises(TooManyRuns):
        await scene.asked("flaky")


async def test_a_deleted_report_is_gone_and_its_sum_stays(scene: Scene) -> None:
    first = await scene.asked("flaky", "risk")
    with pytest.raises(Conflict):
        await scene.ask(_deleted(scene, first))
    view = await scene.made(first)
    for one in view.siblings:
        await scene.ask(_deleted(scene, one.report_id))
    with pytest.raises(NotFound):
        await scene.seen(first)
    assert await scene.ask(reports(scene.org_id, scene.project_id, limit=9)) == []
    assert await scene.ask(_count(scene.org_id)) == 0
    assert [row.charged for row in await scene.usage()] == [view.charged]


@pytest.mark.requirement("P16")
async def test_neither_ledger_nor_queue_holds_a_word_of_a_report(bare: Scene) -> None:
    await bare.stage(f"{CANARY} one", f"{CANARY} two", "Sign in", "Sign in again")
    await bare.made(await bare.asked(*KINDS))
    assert any(CANARY in str(one.body) for one in bare.upstream.requests)
    for text in await bare.ask(_written(bare.org_id)):
        assert CANARY not in text
        assert SAFE not in text


async def switch_off(scene: Scene) -> None:
    await scene.engine.submit(SwitchAi(org_id=scene.org_id, switch_id="off", enabled=False))


def _deleted(scene: Scene, report_id: int) -> Operation[None]:
    return delete_report(scene.org_id, scene.project_id, report_id, project_key="SHOP", actor=OPERATOR)


def _holds(org_id: int) -> Operation[list[str]]:
    rows = yield Statement("SELECT kind FROM ledger.entry WHERE org_id = %(o)s AND kind = 'hold'", {"o": org_id})
    return [row["kind"] for row in rows]


def _count(org_id: int) -> Operation[int]:
    rows = yield Statement("SELECT count(*) FROM report_run WHERE org_id = %(o)s", {"o": org_id})
    return int(rows[0]["count"])


def _unrecord(org_id: int, run_id: int) -> Operation[None]:
    yield Statement(
        "UPDATE report_run SET state = 'running', finished_at = NULL, charged = NULL, receipt = NULL"
        " WHERE org_id = %(org_id)s AND run_id = %(run_id)s",
        {"org_id": org_id, "run_id": run_id},
    )


def _written(org_id: int) -> Operation[list[str]]:
    texts: list[str] = []
    for sql in ("SELECT e::text AS t FROM ledger.entry e", "SELECT u::text AS t FROM ledger.usage u",
                "SELECT a::text AS t FROM activity a"):  # fmt: skip
        texts += [row["t"] for row in (yield Statement(sql))]
    return texts
