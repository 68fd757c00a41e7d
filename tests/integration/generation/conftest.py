"""An organization whose member has test cases generated, with the scripted upstream in the place of the models."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from testkase.core.ledger.engine import Engine
from testkase.foundation.database import Operation, Statement
from testkase.services.features.generation.model import GenerationView, Options
from testkase.services.features.generation.operations import generation, request_generation
from testkase.services.features.generation.run import run_generation
from testkase.services.inference import EMBEDDED_MODEL
from testkase.services.metering.meter import Meter
from tests.support.cluster import TestDatabase
from tests.support.features import Office, in_pieces, metering_on
from tests.support.replies import Reply
from tests.support.upstream import Upstream, scripted_upstream

REQUIREMENT = "Users are locked out for 30 minutes after 5 failed attempts. Only administrators can unlock an account."


def small_answer(sentence: str = "A user has an account.") -> str:
    steps = [
        {"action": "Open the sign-in page.", "expected": "The page asks for the password."},
        {"action": "Then enter the password.", "expected": "The user is signed in again."},
    ]
    return json.dumps({"preconditions": sentence, "steps": steps})


def large_answer(*titles: str) -> str:
    step = {"action": "Do it", "expected": "Done"}
    case = {"kind": "positive", "priority": "high", "preconditions": "", "steps": [step]}
    return json.dumps({"cases": [{"title": title, **case} for title in titles]})


def spoken(answer: str, **reply: Any) -> Reply:
    """A reply that says the answer in pieces."""
    return in_pieces(answer, tokens=(400, 80), **reply)


class Scene(Office):
    """Short words for what the tests do."""

    meter: Meter
    upstream: Upstream

    async def request(self, *, cases: int = 3, model: str = EMBEDDED_MODEL, requirement: str = REQUIREMENT) -> int:
        return await self.ask(
            request_generation(
                self.org_id,
                project_id=self.project_id,
                project_key="SHOP",
                user_id=self.user_id,
                user_ref="ada@example.com",
                requirement=requirement,
                options=Options(model=model, cases=cases),
            )
        )

    async def run(self, generation_id: int) -> GenerationView:
        await run_generation(self.org_id, generation_id, self.meter, self.database)
        return await self.view(generation_id)

    async def view(self, generation_id: int) -> GenerationView:
        return await self.ask(generation(self.org_id, generation_id))

    async def first_draft(self, generation_id: int) -> None:
        while not (await self.view(generation_id)).drafts:
            await asyncio.sleep(0.02)

    async def row(self, generation_id: int) -> dict[str, Any]:
        return (await self.ask(_row(self.org_id, generation_id)))[0]


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with scripted_upstream(spoken(small_answer())) as running:
        yield running


@pytest.fixture
def credits() -> int:
    return 300


@pytest.fixture
async def scene(
    database: TestDatabase, engine: Engine, upstream: Upstream, tmp_path: Path, credits: int
) -> AsyncIterator[Scene]:
    async with metering_on(database, engine, upstream, tmp_path) as (pool, meter):
        staged = Scene(pool, engine, database.owner_url)
        staged.meter, staged.upstream = meter, upstream
        await staged.set_up(credits)
        yield staged


def _row(org_id: int, generation_id: int) -> Operation[list[dict[str, Any]]]:
    params = {"org_id": org_id, "generation_id": generation_id}
    return (
        yield Statement(
            "SELECT * FROM generation WHERE (org_id, generation_id) = (%(org_id)s, %(generation_id)s)", params
        )
    )
