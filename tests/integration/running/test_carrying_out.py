"""A job that calls a model, and everything that can happen to it: whatever does, it is charged once or not at all."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from testkase.core.access import Action
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.model import Subject
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import Conflict
from testkase.services.features.running.carrying_out import OUR_FAULT, carry_out
from testkase.services.features.running.job import Attempt, Ending, Most, Superseded, Worked
from testkase.services.features.running.rights import NoLongerAllowed, may_still
from testkase.services.metering import Interaction, Meter, metered_id
from testkase.services.metering.problems import SWITCHED_OFF
from tests.support.cluster import TestDatabase
from tests.support.features import LARGE_MODEL, Office, in_pieces, metering_on
from tests.support.upstream import Upstream, scripted_upstream

CANARY = "canary-40aa-quoted"


class Errand:
    """A job whose record is this object: it asks the model once, and does what the test wants besides."""

    def __init__(self, office: Office) -> None:
        self.office = office
        self.number, self.hold_named, self.endings = 0, "", list[Ending]()
        self.rights, self.left, self.useless, self.current = True, True, False, True
        self.fault: BaseException | None = None
        self.attempt = self.again()

    def again(self) -> Attempt:
        """Begin another run of it."""
        self.number += 1
        self.attempt = Attempt(
            org_id=self.office.org_id, name="errand-1", number=self.number, earlier_hold=self.hold_named or None,
            subject=Subject(use_case="chat", user=self.office.email, project="SHOP"), model=LARGE_MODEL,
        )  # fmt: skip
        return self.attempt

    def allowed(self) -> Operation[None]:
        yield Statement("SELECT 1 AS one")
        if not self.rights:
            raise NoLongerAllowed("Not any more.")

    async def prepare(self) -> Most | None:
        return Most(input_tokens=1_000, output_tokens=200) if self.left else None

    def name_hold(self) -> Operation[bool]:
        yield Statement("SELECT 1 AS one")
        if self.current:
            self.hold_named = self.attempt.hold_id
        return self.current

    async def work(self, interaction: Interaction) -> Worked:
        body: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 100}
        async with interaction.call(body, stream=True) as call:
            async for _ in call.events():
                if isinstance(self.fault, asyncio.CancelledError):
                    raise self.fault
        if self.fault is not None:
            raise self.fault
        return Worked(useless=self.useless)

    def finish(self, ending: Ending) -> Operation[None]:
        yield Statement("SELECT 1 AS one")
        self.endings.append(ending)


class Scene:
    def __init__(self, office: Office, meter: Meter, upstream: Upstream) -> None:
        self.office, self.meter, self.upstream = office, meter, upstream
        self.errand = Errand(office)

    async def run(self) -> Ending | None:
        """One run; answers how the job ended, None where it has not."""
        before = len(self.errand.endings)
        await carry_out(self.errand, self.meter, self.office.database)
        return self.errand.endings[-1] if len(self.errand.endings) > before else None

    async def charges(self) -> list[int]:
        return [row.charged for row in await self.office.usage()]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with scripted_upstream(in_pieces("Here you are.", tokens=(400, 40))) as running:
        yield running


@pytest.fixture
async def scene(database: TestDatabase, engine: Engine, upstream: Upstream, tmp_path: Path) -> AsyncIterator[Scene]:
    async with metering_on(database, engine, upstream, tmp_path) as (pool, meter):
        office = Office(pool, engine, database.owner_url)
        await office.set_up(300)
        yield Scene(office, meter, upstream)


@pytest.mark.requirement("P11", "P17")
async def test_a_job_is_one_hold_named_beforehand_and_one_charge(scene: Scene) -> None:
    ending = await scene.run()
    assert ending is not None
    assert (await scene.charges(), ending.error) == ([ending.charged], None)
    assert ending.charged > 0
    assert scene.errand.hold_named == "~_errand-1-1"
    assert (await scene.office.usage())[0].seq == ending.receipt
    assert await scene.office.held() == 0


async def test_no_program_takes_the_hold_of_a_job_with_a_key_of_the_same_name(scene: Scene) -> None:
    """An `Idempotency-Key: errand-1-1` was the job's own hold, and the job failed."""
    body: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 20}
    attempt = scene.errand.attempt
    program = await scene.meter.open(
        attempt.org_id, attempt.subject, model=LARGE_MODEL, input_tokens=100, output_tokens=20,
        hold_id=metered_id(f"{attempt.name}-{attempt.number}"),
    )  # fmt: skip
    async with program, program.call(body, stream=True) as call:
        async for _ in call.events():
            pass
    ending = await scene.run()
    assert ending is not None
    assert ending.error is None
    assert [bool(charged) for charged in await scene.charges()] == [True, True]


@pytest.mark.requirement("R41", "P15")
async def test_without_the_right_nothing_is_held_called_or_charged(scene: Scene) -> None:
    scene.errand.rights = False
    assert await scene.run() == Ending(error="Not any more.")
    assert (scene.upstream.requests, await scene.charges(), scene.errand.hold_named) == ([], [], "")


async def test_where_nothing_is_left_to_be_done_the_job_ends(scene: Scene) -> None:
    scene.errand.left = False
    assert await scene.run() == Ending()
    assert scene.upstream.requests == []


@pytest.mark.requirement("B10")
async def test_work_that_is_of_no_use_is_recorded_and_costs_nothing(scene: Scene) -> None:
    scene.errand.useless = True
    ending = await scene.run()
    assert ending is not None
    assert (ending.charged, await scene.charges()) == (0, [0])


@pytest.mark.requirement("R60")
async def test_while_ai_is_off_it_ends_and_says_so(scene: Scene) -> None:
    await scene.office.switch("off", enabled=False)
    assert await scene.run() == Ending(error=SWITCHED_OFF, switched_off=True)
    assert scene.upstream.requests == []


async def test_a_run_that_is_not_the_current_one_ends_without_a_word(scene: Scene) -> None:
    scene.errand.current = False
    assert await scene.run() is None
    assert scene.upstream.requests == []


@pytest.mark.requirement("P17")
@pytest.mark.parametrize("fault", [asyncio.CancelledError(), psycopg.OperationalError("gone"), Superseded()])
async def test_a_run_that_was_cut_down_charges_nothing_and_the_next_is_charged_once(
    scene: Scene, fault: BaseException
) -> None:
    scene.errand.fault = fault
    if isinstance(fault, Superseded):
        assert await scene.run() is None
    else:
        with pytest.raises(type(fault)):
            await scene.run()
    await asyncio.sleep(0)
    assert (scene.errand.endings, await scene.charges(), await scene.office.held()) == ([], [], 0)
    scene.errand.fault = None
    scene.errand.again()
    ending = await scene.run()
    assert ending is not None
    assert await scene.charges() == [ending.charged]


async def test_a_run_killed_after_it_was_charged_is_finished_by_the_next_without_another_call(scene: Scene) -> None:
    first = await scene.run()
    scene.errand.rights = False  # what was paid for is handed over all the same
    scene.errand.again()
    assert await scene.run() == first
    assert len(scene.upstream.requests) == 1
    assert len(await scene.charges()) == 1


@pytest.mark.requirement("B10", "P16")
@pytest.mark.parametrize("fault", [psycopg.errors.CheckViolation(f"row ({CANARY})"), ZeroDivisionError("oh")])
async def test_our_own_mistake_is_free_and_logged_without_what_the_database_quotes(
    scene: Scene, fault: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    scene.errand.fault = fault
    assert await scene.run() == Ending(error=OUR_FAULT)
    assert (await scene.charges(), await scene.office.held()) == ([], 0)
    assert type(fault).__name__ in caplog.text
    assert CANARY not in caplog.text


async def test_a_refusal_is_told_in_its_own_words(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    scene.errand.fault = Conflict("The case is gone.")
    caplog.set_level(logging.WARNING)
    assert await scene.run() == Ending(error="The case is gone.")
    assert caplog.text == ""


@pytest.mark.requirement("R41", "P15")
async def test_rights_are_those_of_this_moment(scene: Scene) -> None:
    office = scene.office

    async def may(action: Action) -> bool:
        return await office.ask(may_still(office.org_id, office.project_id, office.user_id, action))

    assert await may(Action.GENERATE_CASES)  # an admin, in every project
    await office.role("member")
    assert not await may(Action.CHAT)  # not in the project
    await office.project_role("user")
    assert (await may(Action.CHAT), await may(Action.GENERATE_CASES)) == (True, False)
    await office.project_role("user", may_generate=True)
    assert await may(Action.GENERATE_CASES)
    await office.project_role("guest")
    assert not await may(Action.CHAT)
    await office.role("owner")
    await office.write("UPDATE app_user SET is_active = false WHERE id = %s", office.user_id)
    assert not await may(Action.CHAT)
    assert not await office.ask(may_still(office.org_id, office.project_id, None, Action.CHAT))
