"""An organization with a project and a member, a meter, and the scripted upstream in the place of the models."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from testkase.core.ledger.commands import OpenAccount
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.queries import UsageRow, balance, usage_page
from testkase.core.pricing import load_price_books
from testkase.foundation.clock import utc_now
from testkase.foundation.database import Database, Operation, Statement, T
from testkase.foundation.settings import Settings
from testkase.services.audit import OPERATOR
from testkase.services.features.generation.model import GenerationView, Options
from testkase.services.features.generation.operations import generation, request_generation
from testkase.services.features.generation.run import run_generation
from testkase.services.inference import EMBEDDED_MODEL, Catalog
from testkase.services.metering.meter import Meter
from testkase.services.workspace.projects import create_project
from tests.support.cluster import TestDatabase
from tests.support.upstream import Reply, Upstream, scripted_upstream

REQUIREMENT = "Users are locked out for 30 minutes after 5 failed attempts. Only administrators can unlock an account."
LARGE_MODEL = next(name for name in load_price_books().at(utc_now()).models() if name != EMBEDDED_MODEL)


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
    pieces = tuple(answer[start : start + 40] for start in range(0, len(answer), 40))
    return Reply(**{"chunks": pieces, "usage": {"prompt_tokens": 400, "completion_tokens": 80}, **reply})


class Scene:
    """Short words for what the tests do."""

    def __init__(self, database: Database, engine: Engine, meter: Meter, upstream: Upstream) -> None:
        self.database, self.engine, self.meter, self.upstream = database, engine, meter, upstream
        self.org_id = self.project_id = self.user_id = 0

    async def set_up(self, owner_url: str, credits: int) -> None:
        async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
            self.user_id = await _one(
                owner,
                "INSERT INTO app_user (password, is_superuser, email, ref, display_name, is_active, is_staff,"
                " date_joined) VALUES ('', false, 'ada@example.com', 'ada@example.com', 'Ada', true, false, now())"
                " RETURNING id",
            )
            self.org_id = await _one(
                owner, "INSERT INTO organization (name, slug) VALUES ('Acme', 'acme') RETURNING id"
            )
        await self.engine.submit(OpenAccount(org_id=self.org_id, monthly_allowance=credits * MICRO, ai_enabled=True))
        self.project_id = await self.ask(create_project(self.org_id, key="SHOP", name="Shop", actor=OPERATOR))

    async def ask(self, operation: Operation[T]) -> T:
        return await self.database.run(operation, org_id=self.org_id)

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

    async def usage(self) -> list[UsageRow]:
        return await self.ask(usage_page(self.org_id, limit=50))

    async def held(self) -> int:
        return (await self.ask(balance(self.org_id))).held

    async def available(self) -> int:
        return (await self.ask(balance(self.org_id))).available

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
    providers = tmp_path / "providers.toml"
    providers.write_text(
        f'[[providers]]\nname = "large"\nbase_url = "{upstream.base_url}"\nno_training = true\nzero_retention = true\n'
        f'[[providers.models]]\nname = "{LARGE_MODEL}"\ncontext_window = 100000\nmax_output_tokens = 8000\n'
    )
    environ = {"TESTKASE_MODEL_PORT": str(upstream.port), "TESTKASE_PROVIDERS": str(providers)}
    catalog = Catalog.from_settings(Settings.from_environ(environ))
    pool = Database(database.app_url)
    await pool.open()
    meter = Meter(engine, load_price_books(), catalog)
    staged = Scene(pool, engine, meter, upstream)
    await staged.set_up(database.owner_url, credits)
    yield staged
    await meter.drain(5)
    await catalog.close()
    await pool.close()


async def _one(connection: psycopg.AsyncConnection[Any], sql: Any) -> int:
    row = await (await connection.execute(sql)).fetchone()
    assert row is not None
    return int(row[0])


def _row(org_id: int, generation_id: int) -> Operation[list[dict[str, Any]]]:
    params = {"org_id": org_id, "generation_id": generation_id}
    return (
        yield Statement(
            "SELECT * FROM generation WHERE (org_id, generation_id) = (%(org_id)s, %(generation_id)s)", params
        )
    )
