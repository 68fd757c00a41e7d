"""An organization with a project, three finished cycles and a running one, and the scripted upstream for the models."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from testkase.core.ledger.engine import Engine
from testkase.services.features.reports.model import Kind, Options, ReportView
from testkase.services.features.reports.requests import report, request_reports
from testkase.services.features.reports.run import run_reports
from testkase.services.metering.meter import Meter
from tests.support.cluster import TestDatabase
from tests.support.cycles import a_cycle, some_cases
from tests.support.features import LARGE_MODEL, Office, in_pieces, metering_on
from tests.support.replies import Reply
from tests.support.upstream import Upstream, scripted_upstream

SAFE = "What was found deserves a closer look by the team this week."


def spoken(answer: str, **reply: Any) -> Reply:
    """A reply that says the answer in pieces."""
    return in_pieces(answer, tokens=(900, 120), **reply)


def large_answer(summary: str = SAFE, *advice: str) -> str:
    texts = advice or ("Look at the newest failures before anything else.",)
    return json.dumps({"summary": summary, "recommendations": [{"about": "whole", "text": text} for text in texts]})


def small_answer(text: str = "Look at the newest results before anything else is done.") -> str:
    return json.dumps({"text": text})


class Scene(Office):
    """Short words for what the tests do."""

    meter: Meter
    upstream: Upstream
    run_id = 0
    keys: tuple[str, ...] = ()

    async def stage(self, *titles: str) -> None:
        """Three cycles that are finished and one that runs. The first case is flaky, the second broke lately."""
        names = titles or ("Pay with a voucher", "Search the shop", "Sign in", "Sign in again")
        operation = some_cases(self.org_id, self.project_id, names, author_id=self.user_id)
        self.keys = tuple(await self.ask(operation))
        one, two, *rest = self.keys
        still = dict.fromkeys(rest, "P")
        for week, results in enumerate(({one: "PF", two: "P"}, {one: "P", two: "F"}, {one: "F", two: "F"})):
            await self.ask(a_cycle(self.org_id, self.project_id, f"Sprint {week + 1}", {**results, **still}, week=week))
        now = {one: "P", two: "F", **dict.fromkeys(rest, "")}
        await self.ask(a_cycle(self.org_id, self.project_id, "Sprint 4", now, week=3, finish=False))

    async def asked(self, *kinds: Kind, model: str = LARGE_MODEL, estimate: int = 0, **options: Any) -> int:
        """Ask for reports; answers the first one's id."""
        chosen = Options(model=model, kinds=kinds or ("flaky",), **options)
        operation = request_reports(
            self.org_id,
            project_id=self.project_id,
            project_key="SHOP",
            user_id=self.user_id,
            user_ref="ada@example.com",
            options=chosen,
            estimate=estimate,
        )
        self.run_id, first = await self.ask(operation)
        return first

    async def made(self, report_id: int) -> ReportView:
        """Run its job to the end."""
        await run_reports(self.org_id, self.run_id, self.meter, self.database)
        return await self.seen(report_id)

    async def seen(self, report_id: int) -> ReportView:
        return await self.ask(report(self.org_id, self.project_id, report_id))

    async def all_of(self, report_id: int) -> list[ReportView]:
        return [await self.seen(one.report_id) for one in (await self.seen(report_id)).siblings]

    async def until_texts(self, report_id: int, count: int) -> None:
        """Wait until so many reports of the run have their text."""
        while [one.state for one in (await self.seen(report_id)).siblings].count("succeeded") < count:
            await asyncio.sleep(0.02)

    async def until_asked(self, count: int) -> None:
        """Wait until the model was called so often."""
        while len(self.upstream.requests) < count:
            await asyncio.sleep(0.02)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with scripted_upstream(spoken(large_answer())) as running:
        yield running


@pytest.fixture
def credits() -> int:
    return 300


@pytest.fixture
async def bare(
    database: TestDatabase, engine: Engine, upstream: Upstream, tmp_path: Path, credits: int
) -> AsyncIterator[Scene]:
    """Without cases and cycles."""
    async with metering_on(database, engine, upstream, tmp_path) as (pool, meter):
        staged = Scene(pool, engine, database.owner_url)
        staged.meter, staged.upstream = meter, upstream
        await staged.set_up(credits)
        yield staged


@pytest.fixture
async def scene(bare: Scene) -> Scene:
    await bare.stage()
    return bare
