"""A generation from request to drafts on PostgreSQL, with everything that can go wrong on the way."""

import asyncio
import logging

import psycopg
import pytest

from testkase.core.ledger.commands import SwitchAi
from testkase.core.ledger.queries import receipt
from testkase.core.ledger.refusals import AiDisabled, InsufficientCredits
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import InvalidInput, NotFound
from testkase.services.features.generation.model import Options
from testkase.services.features.generation.operations import (
    TooManyUnderWay,
    generation,
    generations,
    request_generation,
)
from testkase.services.features.generation.progress import Reporter
from testkase.services.features.generation.run import NOT_ALLOWED
from testkase.services.features.running.carrying_out import OUR_FAULT
from testkase.services.workspace.model import CaseContent
from tests.integration.generation.conftest import (
    REQUIREMENT,
    Scene,
    large_answer,
    small_answer,
    spoken,
)
from tests.support.features import LARGE_MODEL
from tests.support.upstream import Reply

CANARY = "canary-77c1e-requirement"


@pytest.mark.requirement("R1", "P11", "P17")
async def test_a_generation_is_one_hold_and_one_row_of_usage(scene: Scene) -> None:
    number = await scene.request(cases=3)
    view = await scene.run(number)
    assert (view.state, view.error, len(view.drafts)) == ("succeeded", None, 3)
    assert (view.progress.done, view.progress.total) == (3, 3)
    [row] = await scene.usage()
    assert (row.use_case, row.user, row.project, row.model) == (
        "test_generation",
        "ada@example.com",
        "SHOP",
        "testkase-demo",
    )
    assert (row.tokens.input, row.tokens.output, row.outcome, row.measurement) == (1200, 240, "completed", "exact")
    assert (view.charged, view.receipt) == (row.charged, row.seq)
    assert (await scene.ask(receipt(scene.org_id, row.seq))).usage.charged == view.charged
    assert await scene.held() == 0


async def test_a_large_model_writes_all_cases_in_one_call(scene: Scene) -> None:
    scene.upstream.script(spoken(large_answer("One", "Two", "two", "Three", "Four")))
    view = await scene.run(await scene.request(cases=3, model=LARGE_MODEL))
    assert [draft.content.title for draft in view.drafts] == ["One", "Two", "Three"]
    assert view.state == "succeeded"
    assert len(scene.upstream.requests) == 1
    assert scene.upstream.requests[0].body["response_format"]["type"] == "json_schema"


async def test_a_draft_the_validators_refuse_is_asked_for_again_at_a_higher_temperature(scene: Scene) -> None:
    scene.upstream.script(spoken(small_answer("The librarian has a loan.")), spoken(small_answer()))
    view = await scene.run(await scene.request(cases=1))
    assert [one.body["temperature"] for one in scene.upstream.requests] == [0.2, 0.7]
    assert view.drafts[0].content.preconditions == "A user has an account."
    assert (await scene.usage())[0].tokens.output == 160


@pytest.mark.requirement("P17", "B10")
@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=500),
        Reply(status=400, error={"error": {"message": CANARY}}),
        Reply(chunks=("",)),
        spoken("no JSON at all"),
        spoken(small_answer("The librarian has a loan.")),
    ],
    ids=["fails", "refuses", "says nothing", "says nonsense", "only copies"],
)
async def test_what_yields_no_draft_costs_nothing_and_says_so(scene: Scene, reply: Reply) -> None:
    scene.upstream.default = reply
    before = await scene.available()
    view = await scene.run(await scene.request(cases=1))
    assert (view.state, view.charged, view.drafts) == ("failed", 0, ())
    assert view.error is not None
    assert "Nothing was charged" in view.error
    assert CANARY not in view.error
    assert (await scene.available(), await scene.held()) == (before, 0)
    assert all(row.charged == 0 for row in await scene.usage())


async def test_a_failure_half_way_keeps_the_drafts_and_charges_what_was_delivered(scene: Scene) -> None:
    scene.upstream.script(spoken(small_answer()), spoken(small_answer(), cut_after=2, cut="broken"))
    view = await scene.run(await scene.request(cases=3))
    assert (view.state, len(view.drafts)) == ("succeeded", 1)
    assert view.error is not None
    [row] = await scene.usage()
    assert (row.measurement, row.charged) == ("partial", view.charged)
    assert row.tokens.output > 80


@pytest.mark.requirement("P18")
@pytest.mark.parametrize("credits", [1])
async def test_without_enough_credits_the_model_is_not_called(scene: Scene) -> None:
    with pytest.raises(InsufficientCredits):
        await scene.ask(
            request_generation(
                scene.org_id, project_id=scene.project_id, project_key="SHOP", user_id=scene.user_id, user_ref="a",
                requirement=REQUIREMENT, options=Options(model="testkase-demo"), estimate=2_000_000,
            )
        )  # fmt: skip
    view = await scene.run(await scene.request(cases=12))
    assert (view.state, view.charged, view.receipt) == ("failed", 0, None)
    assert view.error is not None
    assert view.error.endswith("1.00 are available. Buy credits under Settings → AI Credits, or ask your Owner to.")
    assert scene.upstream.requests == []
    assert await scene.usage() == []


@pytest.mark.requirement("R60")
async def test_while_ai_is_off_nothing_is_asked_run_or_charged(scene: Scene) -> None:
    waiting = await scene.request()
    await scene.engine.submit(SwitchAi(org_id=scene.org_id, switch_id="off", enabled=False))
    with pytest.raises(AiDisabled):
        await scene.request()
    view = await scene.run(waiting)
    assert (view.state, view.charged) == ("failed", 0)
    assert scene.upstream.requests == []


@pytest.mark.requirement("R60", "R61")
async def test_switching_ai_off_in_the_middle_charges_nothing_and_keeps_what_is_there(scene: Scene) -> None:
    scene.upstream.script(spoken(small_answer()), spoken(small_answer(), delay_first=0.6), spoken(small_answer()))
    number = await scene.request(cases=3)
    before = await scene.available()
    job = asyncio.create_task(scene.run(number))
    await scene.first_draft(number)
    await scene.engine.submit(SwitchAi(org_id=scene.org_id, switch_id="off", enabled=False))
    view = await job
    assert view.charged == 0
    assert len(view.drafts) >= 1
    assert await scene.available() == before
    assert sum(row.charged for row in await scene.usage()) == 0


@pytest.mark.requirement("R41", "P15")
@pytest.mark.parametrize("change", ["left", "out of the project", "permission", "deactivated", "account gone"])
async def test_who_lost_the_right_before_the_job_began_gets_nothing_and_pays_nothing(scene: Scene, change: str) -> None:
    await scene.role("member")
    await scene.project_role("user", may_generate=True)
    number = await scene.request()
    if change == "left":
        await scene.role(None)
    elif change == "deactivated":
        await scene.write("UPDATE app_user SET is_active = false")
    elif change == "account gone":
        await scene.write("DELETE FROM membership")
        await scene.write("DELETE FROM app_user")
    else:
        await scene.project_role("user" if change == "permission" else None)
    view = await scene.run(number)
    assert (view.state, view.charged, view.drafts, view.error) == ("failed", 0, (), NOT_ALLOWED)
    assert scene.upstream.requests == []
    assert (await scene.usage(), await scene.held()) == ([], 0)


async def test_who_has_the_permission_when_the_job_begins_gets_the_drafts(scene: Scene) -> None:
    await scene.role("member")
    await scene.project_role("user", may_generate=True)
    assert (await scene.run(await scene.request())).state == "succeeded"


async def test_a_generation_lost_for_an_hour_keeps_nobody_from_asking(scene: Scene) -> None:
    lost = [await scene.request() for _ in range(3)]
    await scene.write("UPDATE generation SET created_at = now() - interval '2 hours'")
    await scene.request()
    view = await scene.view(lost[0])
    assert (view.state, view.charged, view.error) == ("failed", 0, "The generation was lost. Nothing was charged.")


@pytest.mark.requirement("B3")
async def test_a_lost_generation_says_what_it_was_charged_before_its_worker_was_lost(scene: Scene) -> None:
    lost = await scene.request()
    charged = (await scene.run(lost)).charged
    assert charged
    await scene.write(
        "UPDATE generation SET state = 'running', charged = NULL, receipt = NULL, finished_at = NULL,"
        " created_at = now() - interval '2 hours'"
    )
    await scene.request()
    view, [row] = await scene.view(lost), await scene.usage()
    assert (view.charged, view.receipt, view.error) == (charged, row.seq, "The generation was lost.")


@pytest.mark.requirement("B3")
async def test_a_generation_that_waited_long_is_not_taken_for_lost_while_it_is_written(scene: Scene) -> None:
    """It would be charged, and its asker told that nothing was."""
    scene.upstream.script(spoken(small_answer()), spoken(small_answer(), delay_first=0.6), spoken(small_answer()))
    late = await scene.request(cases=3)
    job = asyncio.create_task(scene.run(late))
    await scene.first_draft(late)
    await scene.write("UPDATE generation SET created_at = now() - interval '2 hours'")
    await scene.request()
    view, [row] = await job, await scene.usage()
    assert (view.state, view.charged, view.error) == ("succeeded", row.charged, None)


async def test_running_a_finished_generation_again_changes_nothing(scene: Scene) -> None:
    number = await scene.request(cases=2)
    first = await scene.run(number)
    assert await scene.run(number) == first
    assert len(await scene.usage()) == 1


async def test_a_killed_run_is_continued_without_a_second_charge(scene: Scene) -> None:
    number = await scene.request(cases=3)
    scene.upstream.script(spoken(small_answer()), spoken(small_answer(), delay_first=30))
    job = asyncio.create_task(scene.run(number))
    await scene.first_draft(number)
    while len(scene.upstream.requests) < 2:  # the slow answer is on its way: none of it is left for the run after
        await asyncio.sleep(0.01)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    scene.upstream.default = spoken(small_answer("Later."))
    view = await scene.run(number)
    assert (view.state, view.error, len(view.drafts)) == ("succeeded", None, 3)
    assert [draft.content.preconditions for draft in view.drafts] == ["A user has an account.", "Later.", "Later."]
    assert [row.charged for row in await scene.usage()] == [view.charged]
    assert await scene.held() == 0


@pytest.mark.requirement("B10")
async def test_a_continued_run_that_adds_nothing_costs_nothing(scene: Scene) -> None:
    number = await scene.request(cases=3)
    scene.upstream.script(spoken(small_answer()), spoken(small_answer(), delay_first=30))
    job = asyncio.create_task(scene.run(number))
    await scene.first_draft(number)
    while len(scene.upstream.requests) < 2:
        await asyncio.sleep(0.01)
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    scene.upstream.default = spoken("This is no draft.")
    view = await scene.run(number)
    assert (view.state, len(view.drafts), view.charged) == ("succeeded", 1, 0)
    assert [row.charged for row in await scene.usage()] == [0]


async def test_a_run_killed_between_settlement_and_its_own_record_is_not_charged_again(scene: Scene) -> None:
    number = await scene.request(cases=2)
    settled = await scene.run(number)
    await scene.ask(_unrecord(scene.org_id, number))
    view = await scene.run(number)
    assert (view.state, view.charged, view.receipt) == ("succeeded", settled.charged, settled.receipt)
    assert len(await scene.usage()) == 1
    assert len(scene.upstream.requests) == 2


async def test_a_database_that_goes_away_in_the_middle_leaves_the_rest_to_the_next_run(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    number, keep = await scene.request(cases=2), Reporter.draft

    async def gone(report: Reporter, position: int, content: CaseContent, *, after_step: int | None = None) -> None:
        if position == 2:
            raise psycopg.OperationalError("the server closed the connection")
        await keep(report, position, content)

    with monkeypatch.context() as broken:
        broken.setattr(Reporter, "draft", gone)
        with pytest.raises(psycopg.OperationalError):
            await scene.run(number)
    assert (await scene.view(number)).state == "running"
    view = await scene.run(number)
    assert (view.state, len(view.drafts)) == ("succeeded", 2)
    assert [row.charged for row in await scene.usage()] == [view.charged]


async def test_our_own_mistake_ends_the_generation_free_and_is_logged_without_the_row(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def refused(report: Reporter, position: int, content: CaseContent, *, after_step: int | None = None) -> None:
        raise psycopg.errors.CheckViolation(f"Failing row contains ({CANARY})")

    monkeypatch.setattr(Reporter, "draft", refused)
    view = await scene.run(await scene.request(cases=1))
    assert (view.state, view.charged, view.error) == ("failed", 0, OUR_FAULT)
    assert "CheckViolation" in caplog.text
    assert CANARY not in caplog.text
    assert await scene.usage() == []


async def test_two_runs_at_once_make_one_set_of_drafts_and_one_charge(scene: Scene) -> None:
    scene.upstream.default = spoken(small_answer(), delay_first=0.1)
    number = await scene.request(cases=2)
    await asyncio.gather(scene.run(number), scene.run(number))
    view = await scene.view(number)
    assert (view.state, len(view.drafts)) == ("succeeded", 2)
    assert [row.charged for row in await scene.usage()] == [view.charged]


async def test_progress_can_be_watched_while_the_model_writes(scene: Scene) -> None:
    scene.upstream.script(spoken(small_answer(), delay_chunk=0.25))
    number = await scene.request(cases=1)
    job = asyncio.create_task(scene.run(number))
    seen: set[str] = set()
    while not job.done():
        seen.add((await scene.view(number)).progress.writing)
        await asyncio.sleep(0.05)
    await job
    assert any("A user has an account" in text for text in seen)


@pytest.mark.requirement("P16")
async def test_the_requirement_is_in_its_own_table_and_in_no_log(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    scene.upstream.script(spoken(small_answer()), Reply(status=400, error={"error": {"message": CANARY}}))
    number = await scene.request(cases=2, requirement=f"A user can sign in. {CANARY}.")
    view = await scene.run(number)
    assert CANARY in view.requirement
    assert CANARY in str(scene.upstream.requests[0].body)
    assert CANARY not in caplog.text
    for text in await scene.ask(_ledger_text(scene.org_id)):
        assert CANARY not in text


@pytest.mark.parametrize("text", ["", "   ", "?!", "x" * 4_001])
async def test_a_senseless_requirement_is_refused(scene: Scene, text: str) -> None:
    with pytest.raises(InvalidInput):
        await scene.request(requirement=text)


@pytest.mark.parametrize("cases", [0, 13, -1])
async def test_a_senseless_number_of_cases_is_refused(scene: Scene, cases: int) -> None:
    with pytest.raises(InvalidInput):
        await scene.request(cases=cases)


async def test_one_person_has_a_few_generations_under_way_at_most(scene: Scene) -> None:
    for _ in range(3):
        last = await scene.request()
    with pytest.raises(TooManyUnderWay):
        await scene.request()
    await scene.run(last)
    await scene.request()


async def test_generations_are_listed_newest_first(scene: Scene) -> None:
    first, second = await scene.request(), await scene.request()
    await scene.run(first)
    rows = await scene.ask(generations(scene.org_id, scene.project_id, limit=10))
    assert [row.generation_id for row in rows] == [second, first]
    assert (rows[1].draft_count, rows[1].state, rows[0].state) == (3, "succeeded", "queued")
    assert [
        row.generation_id
        for row in await scene.ask(generations(scene.org_id, scene.project_id, limit=1, before=second))
    ] == [first]


async def test_a_generation_of_another_organization_is_not_there(scene: Scene) -> None:
    number = await scene.request()
    with pytest.raises(NotFound):
        await scene.database.run(_view_as(scene.org_id, number), org_id=scene.org_id + 1)


def _view_as(org_id: int, number: int) -> Operation[object]:
    return (yield from generation(org_id, number))


def _unrecord(org_id: int, number: int) -> Operation[None]:
    yield Statement(
        "UPDATE generation SET state = 'running', finished_at = NULL, charged = NULL, receipt = NULL"
        " WHERE org_id = %(org_id)s AND generation_id = %(number)s",
        {"org_id": org_id, "number": number},
    )


def _ledger_text(org_id: int) -> Operation[list[str]]:
    texts: list[str] = []
    for sql in ("SELECT e::text AS t FROM ledger.entry e", "SELECT u::text AS t FROM ledger.usage u",
                "SELECT h::text AS t FROM ledger.open_hold h"):  # fmt: skip
        rows = yield Statement(sql)
        texts += [row["t"] for row in rows]
    return texts
