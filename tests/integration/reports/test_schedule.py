"""Reports by the clock: begun as the person who set them up, with that person's rights of now, and never otherwise."""

import asyncio
import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any, LiteralString

import psycopg
import pytest

from testkase.core.ledger.commands import OpenHold, SwitchAi, VoidHold
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.limits.commands import SetBudget
from testkase.core.ledger.model import Subject
from testkase.core.pricing import load_price_books
from testkase.entrypoints.worker import jobs
from testkase.entrypoints.worker.reports import look_at_due
from testkase.entrypoints.worker.resources import CONTEXT_KEY, Resources
from testkase.foundation.clock import utc_now
from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.settings import Settings
from testkase.services.audit import OPERATOR
from testkase.services.billing.seller import load_seller
from testkase.services.features.reports.requests import reports
from testkase.services.features.reports.run import run_reports
from testkase.services.features.reports.schedules import looking
from testkase.services.features.reports.schedules.looking import MOST_FAULTS, due_schedules, look_at
from testkase.services.features.reports.schedules.setting import Schedule, find_schedule, set_schedule
from testkase.services.live import Watcher
from testkase.services.workspace.projects import create_project
from tests.integration.reports.conftest import Scene
from tests.support.cluster import TestDatabase
from tests.support.cycles import a_cycle, some_cases


class Planner:
    """The scene with Ada as an admin who sets schedules up, and a clock that is moved by hand."""

    def __init__(self, scene: Scene, owner_url: str) -> None:
        self.scene, self.owner_url = scene, owner_url

    def write(self, sql: str, *params: Any) -> None:
        with psycopg.connect(self.owner_url, autocommit=True) as owner:
            owner.execute("SELECT set_config('app.org_id', %s, false)", [str(self.scene.org_id)])
            owner.execute(sql.encode(), params)

    def role(self, role: str | None) -> None:
        self.write("DELETE FROM membership WHERE user_id = %s", self.scene.user_id)
        if role is not None:
            self.write(
                "INSERT INTO membership (org_id, user_id, role) VALUES (%s, %s, %s)",
                self.scene.org_id, self.scene.user_id, role,
            )  # fmt: skip

    async def another_project(self) -> int:
        """With a cycle to report on."""
        scene = self.scene
        made = await scene.ask(create_project(scene.org_id, key="DESK", name="Desk", actor=OPERATOR))
        keys = await scene.ask(some_cases(scene.org_id, made, ["Open"], author_id=scene.user_id))
        await scene.ask(a_cycle(scene.org_id, made, "Sprint 1", {keys[0]: "F"}, week=1))
        return made

    def resources(self, folder: Path) -> Resources:
        """As the worker has them."""
        settings = Settings.from_environ({"TESTKASE_DATA": str(folder), "TESTKASE_MODEL_PORT": "9"})
        return Resources(
            settings=settings, database=self.scene.database, engine=self.scene.engine,
            watcher=Watcher(self.scene.database), provider=None, seller=load_seller(None), books=load_price_books(),
            catalog=self.scene.meter.catalog,
        )  # fmt: skip

    async def set(self, every: str, *kinds: str, project_id: int | None = None) -> None:
        operation = set_schedule(
            self.scene.org_id, project_id or self.scene.project_id, project_key="SHOP", every=every,
            kinds=kinds or ("flaky",), user_id=self.scene.user_id, user_ref="ada@example.com", actor=OPERATOR,
        )  # fmt: skip
        await self.scene.ask(operation)

    async def minute(self) -> int | None:
        """A minute that is due has come; answers the run that was begun."""
        self.write("UPDATE report_watch SET due_at = now() - interval '1 second'")
        book, catalog = load_price_books().at(utc_now()), self.scene.meter.catalog
        begun = None
        for org_id, project_id in await self.scene.database.run(due_schedules(10)):
            look = look_at(org_id, project_id, book=book, catalog=catalog)
            begun = await self.scene.database.run(look, org_id=org_id) or begun
        return begun

    async def finish_a_cycle(self) -> int:
        made: int = await self.scene.ask(
            a_cycle(self.scene.org_id, self.scene.project_id, "Sprint 5", {self.scene.keys[0]: "F"}, week=9)
        )
        self.write("UPDATE test_cycle SET finished_at = now() WHERE cycle_id = %s", made)
        return made

    async def found(self) -> Schedule:
        schedule = await self.scene.ask(find_schedule(self.scene.org_id, self.scene.project_id))
        assert schedule is not None
        return schedule

    async def jobs(self) -> list[dict[str, Any]]:
        return await self.scene.ask(_jobs())


@pytest.fixture
def planner(scene: Scene, database: TestDatabase) -> Planner:
    made = Planner(scene, database.owner_url)
    made.role("admin")
    return made


@pytest.mark.requirement("R67")
async def test_when_a_cycle_is_finished_its_reports_are_made_once_as_whoever_set_it_up(planner: Planner) -> None:
    scene = planner.scene
    await planner.set("cycle", "flaky", "readiness")
    assert await planner.minute() is None  # cycles of before do not count
    cycle_id = await planner.finish_a_cycle()
    run_id = await planner.minute()
    assert run_id is not None
    assert await planner.minute() is None
    assert [job["args"] for job in await planner.jobs()] == [{"org_id": scene.org_id, "run_id": run_id}]
    await run_reports(scene.org_id, run_id, scene.meter, scene.database)
    rows = await scene.ask(reports(scene.org_id, scene.project_id, limit=9))
    assert {(row.kind, row.state, row.origin) for row in rows} == {
        ("flaky", "succeeded", "schedule"), ("readiness", "succeeded", "schedule"),
    }  # fmt: skip
    view = await scene.seen(rows[0].report_id)
    assert view.options.cycle_id == cycle_id
    assert view.facts is not None
    assert view.facts.cycles[-1] == "Sprint 5"
    [usage] = await scene.usage()
    assert (usage.user, usage.use_case) == ("ada@example.com", "report")


@pytest.mark.requirement("R67")
async def test_every_week_means_once_a_week(planner: Planner) -> None:
    await planner.set("week", "risk")
    assert await planner.scene.database.run(due_schedules(10)) == []
    assert await planner.minute() is not None
    assert await planner.scene.database.run(due_schedules(10)) == []
    schedule = await planner.found()
    assert schedule.due_at is not None
    assert 6 <= (schedule.due_at - utc_now()).days <= 7


@pytest.mark.requirement("R41", "P15")
@pytest.mark.parametrize(
    "change",
    ["left", "member", "permission", "deactivated"],
)
async def test_it_stops_when_that_person_loses_the_right(planner: Planner, change: str) -> None:
    """Nobody was told: a team waited for reports that nobody made."""
    await planner.scene.person("olga@example.com", "owner")
    await planner.set("week")
    if change == "deactivated":
        planner.write("UPDATE app_user SET is_active = false WHERE id = %s", planner.scene.user_id)
    else:
        planner.role(None if change == "left" else "member")
    if change == "permission":  # may make reports, but no longer schedule them
        planner.write(
            "INSERT INTO project_member (org_id, project_id, user_id, role, may_generate)"
            " VALUES (%s, %s, %s, 'user', true)",
            planner.scene.org_id, planner.scene.project_id, planner.scene.user_id,
        )  # fmt: skip
    assert await planner.minute() is None
    schedule = await planner.found()
    assert schedule.stopped_because is not None
    assert "may no longer" in schedule.stopped_because
    assert schedule.due_at is None
    told = await planner.scene.ask(_rows("SELECT body FROM notification WHERE kind = 'report_schedule.stopped'"))
    assert "Ada may no longer schedule reports in this project. Nothing was charged." in told[0]["body"]
    planner.role("admin")
    assert await planner.minute() is None  # it is set up again by somebody, or not at all
    assert await planner.jobs() == []


@pytest.mark.requirement("R41", "P15")
async def test_who_may_no_longer_schedule_when_the_job_begins_gets_no_reports(planner: Planner) -> None:
    await planner.set("week")
    run_id = await planner.minute()
    assert run_id is not None
    await planner.scene.role("member")
    await planner.scene.project_role("user", may_generate=True)  # may make reports, but no longer schedule them
    await run_reports(planner.scene.org_id, run_id, planner.scene.meter, planner.scene.database)
    [row] = await planner.scene.ask(reports(planner.scene.org_id, planner.scene.project_id, limit=9))
    assert (row.run_state, row.charged) == ("failed", 0)
    assert planner.scene.upstream.requests == []


@pytest.mark.requirement("R60")
async def test_while_ai_is_off_nothing_is_begun_and_the_page_can_say_so(planner: Planner) -> None:
    await planner.set("week")
    await planner.scene.engine.submit(SwitchAi(org_id=planner.scene.org_id, switch_id="off", enabled=False))
    assert await planner.minute() is None
    schedule = await planner.found()
    assert (schedule.last_told, schedule.stopped_because) == ("AI is switched off for this organization.", None)
    await planner.scene.engine.submit(SwitchAi(org_id=planner.scene.org_id, switch_id="on", enabled=True))
    assert await planner.minute() is not None
    assert (await planner.found()).last_told == ""


@pytest.mark.requirement("P18")
@pytest.mark.parametrize("credits", [0])
async def test_without_credits_nothing_is_begun(planner: Planner) -> None:
    await planner.set("week")
    assert await planner.minute() is None
    assert "credits" in (await planner.found()).last_told
    assert await planner.jobs() == []


@pytest.mark.requirement("P18", "R8")
async def test_what_time_has_given_back_counts_before_anything_is_refused(planner: Planner) -> None:
    """Nobody has posted yet that a month or a hold is over: a schedule would have waited another week for it."""
    scene, subject = planner.scene, Subject(use_case="api", user="bot")
    await scene.engine.submit(
        OpenHold(org_id=scene.org_id, hold_id="all", amount=300 * MICRO, ttl_seconds=1, subject=subject)
    )
    await planner.set("week")
    assert await planner.minute() is None
    assert "0.00 are available" in (await planner.found()).last_told
    await asyncio.sleep(1.05)
    assert await planner.minute() is not None
    assert (await planner.found()).last_told == ""


@pytest.mark.requirement("P18", "R67")
@pytest.mark.parametrize("every", ["week", "cycle"])
@pytest.mark.parametrize("way", ["credits", "budget", "runs"])
async def test_what_calls_under_way_keep_back_for_a_minute_costs_no_week_and_no_cycle(
    planner: Planner, every: str, way: str
) -> None:
    scene, subject = planner.scene, Subject(use_case="api", user="bot")
    if way == "budget":
        await scene.engine.submit(
            SetBudget(org_id=scene.org_id, change_id="b", budget_id="b", name="B", period="week", limit=50 * MICRO)
        )
    held = {"credits": 300, "budget": 50, "runs": 0}[way] * MICRO
    await scene.engine.submit(OpenHold(org_id=scene.org_id, hold_id="h", amount=held, ttl_seconds=600, subject=subject))
    for _ in range(3 if way == "runs" else 0):
        await planner.set("week")
        assert await planner.minute() is not None
    await planner.set(every)
    if every == "cycle":
        await planner.finish_a_cycle()
    assert await planner.minute() is None
    schedule = await planner.found()
    assert schedule.last_told.endswith(". It is tried again in a few minutes.")
    assert schedule.due_at is not None
    assert (schedule.due_at - utc_now()).total_seconds() <= 300
    await scene.engine.submit(VoidHold(org_id=scene.org_id, hold_id="h"))
    planner.write("UPDATE report_run SET state = 'failed', finished_at = now()")
    assert await planner.minute() is not None
    assert (await planner.found()).last_told == ""


async def test_a_faulty_schedule_waits_longer_each_time_stops_in_the_end_and_keeps_no_other_waiting(
    planner: Planner, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scene, (faulty, sound) = planner.scene, (planner.scene.project_id, await planner.another_project())
    await planner.set("week")
    await planner.set("week", project_id=sound)
    begin = looking._begin

    def broken(place: dict[str, Any], row: Row, *rest: Any) -> Operation[int]:
        if place["project_id"] == faulty:
            yield Statement("SELECT 1 / 0")
        return (yield from begin(place, row, *rest))

    monkeypatch.setattr(looking, "_begin", broken)
    held = planner.resources(tmp_path)
    waits = []
    for number in range(MOST_FAULTS):
        planner.write("UPDATE report_watch SET due_at = now() - interval '1 hour' WHERE project_id = %s", faulty)
        planner.write("UPDATE report_watch SET due_at = now() - interval '1 second' WHERE project_id = %s", sound)
        assert await look_at_due(held) == (1 if number < 3 else 0)  # nobody has more than three runs under way
        schedule = await planner.found()
        assert "went wrong on our side" in schedule.last_told
        waits.append((schedule.due_at - utc_now()).total_seconds() if schedule.due_at else None)
        assert await look_at_due(held) == 0  # not again before its time
    assert [round(wait / 60) for wait in waits if wait is not None] == [1, 2, 4, 8, 16, 32, 64]
    assert schedule.stopped_because is not None
    assert f"tried {MOST_FAULTS} times" in schedule.stopped_because
    told = await scene.ask(_rows("SELECT title, link FROM notification WHERE kind = 'report_schedule.stopped'"))
    assert [row["link"] for row in told] == ["/projects/SHOP/reports/schedule"]
    stops = await scene.ask(_rows("SELECT details FROM activity WHERE action = 'report_schedule.stopped'"))
    assert len(stops) == 1
    monkeypatch.undo()
    await planner.set("week")  # set up again, it begins anew
    planner.write("UPDATE report_run SET state = 'failed', finished_at = now()")
    assert await planner.minute() is not None
    assert (await planner.found()).last_told == ""


async def test_files_that_are_being_edited_stop_no_schedule_and_change_no_job(planner: Planner, tmp_path: Path) -> None:
    (tmp_path / "2026-11-01.toml").write_text("monthly_allowance = 300")
    (tmp_path / "providers.toml").write_text("[[providers]]")
    edited = {"TESTKASE_PRICE_BOOK": str(tmp_path), "TESTKASE_PROVIDERS": str(tmp_path / "providers.toml")}
    begun = planner.resources(tmp_path)
    settings = Settings.from_environ({"TESTKASE_DATA": str(tmp_path), "TESTKASE_MODEL_PORT": "9", **edited})
    held = dataclasses.replace(begun, settings=settings)
    await planner.set("week")
    planner.write("UPDATE report_watch SET due_at = now() - interval '1 second'")
    assert await look_at_due(held) == 1
    context: Any = SimpleNamespace(additional_context={CONTEXT_KEY: held}, job=SimpleNamespace(task_name="t", id=1))
    async with jobs._metered(context) as meter:
        assert meter.catalog is held.catalog
        assert meter.terms("testkase-demo") == held.books.at(utc_now()).terms("testkase-demo")


def _rows(sql: LiteralString) -> Operation[list[dict[str, Any]]]:
    return (yield Statement(sql))


def _jobs() -> Operation[list[dict[str, Any]]]:
    return (yield Statement("SELECT task_name, args FROM procrastinate_jobs ORDER BY id"))
