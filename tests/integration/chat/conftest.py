"""A project with test cases and a member who chats, a meter, and the scripted upstream in the place of the models."""

import asyncio
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
from testkase.foundation.database import Database, Operation, T
from testkase.foundation.settings import Settings
from testkase.services.audit import OPERATOR
from testkase.services.features.chat import operations
from testkase.services.features.chat.asking import ask
from testkase.services.features.chat.model import Question, Turn
from testkase.services.features.chat.operations import Mine
from testkase.services.features.chat.run import run_turn
from testkase.services.inference import EMBEDDED_MODEL, Catalog
from testkase.services.live import Watcher
from testkase.services.metering.meter import Meter
from testkase.services.workspace.cases import create_case
from testkase.services.workspace.cycles import add_ready_cases, create_cycle
from testkase.services.workspace.executions import execute
from testkase.services.workspace.model import CaseContent, CyclePlan, Outcome, Step
from testkase.services.workspace.projects import create_project
from tests.support.cluster import TestDatabase
from tests.support.upstream import Reply, Upstream, scripted_upstream

LARGE_MODEL = next(name for name in load_price_books().at(utc_now()).models() if name != EMBEDDED_MODEL)
SENTENCE = '{"answer": "Look at the newest failures first, and talk to the developers."}'
MADE_UP = '{"answer": "Look at the voucher code, which the new company has already mended."}'


def spoken(text: str, **reply: Any) -> Reply:
    """A reply that says the text in pieces."""
    pieces = tuple(text[start : start + 12] for start in range(0, len(text), 12))
    return Reply(**{"chunks": pieces, "usage": {"prompt_tokens": 400, "completion_tokens": 40}, **reply})


def looks_up(name: str, arguments: str = "{}") -> Reply:
    """A reply that calls a tool."""
    return Reply(chunks=(), tool_call=(name, arguments), usage={"prompt_tokens": 300, "completion_tokens": 20})


class Room:
    """An organization with a project, its owner and a member of the project."""

    def __init__(self, database: Database, engine: Engine, name: str) -> None:
        self.database, self.engine, self.name = database, engine, name
        self.org_id = self.project_id = self.owner_id = self.user_id = self.cycle_id = 0
        self.key = name[:4].upper()
        self.email = f"ada@{name}.example"

    async def set_up(self, owner_url: str, credits: int) -> None:
        async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
            self.org_id = await _one(owner, "INSERT INTO organization (name, slug) VALUES (%s, %s) RETURNING id",
                                     self.name, self.name)  # fmt: skip
            self.owner_id = await self._person(owner, f"boss@{self.name}.example", "owner")
            self.user_id = await self._person(owner, self.email, "member")
        await self.engine.submit(OpenAccount(org_id=self.org_id, monthly_allowance=credits * MICRO, ai_enabled=True))
        self.project_id = await self.ask(create_project(self.org_id, key=self.key, name=self.name, actor=OPERATOR))
        async with await psycopg.AsyncConnection.connect(owner_url, autocommit=True) as owner:
            await self.role(owner, "user")

    async def role(self, owner: psycopg.AsyncConnection[Any], role: str) -> None:
        await owner.execute(
            "INSERT INTO project_member (org_id, project_id, user_id, role) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (org_id, project_id, user_id) DO UPDATE SET role = excluded.role",
            (self.org_id, self.project_id, self.user_id, role),
        )

    async def case(self, title: str, *, step: str = "Do it", preconditions: str = "") -> str:
        content = CaseContent(title=title, steps=(Step(action=step, expected="Done"),), preconditions=preconditions)
        return await self.ask(create_case(self.org_id, self.project_id, content, author_id=self.user_id))

    async def failing(self, key: str, comment: str) -> int:
        """A cycle of all cases in which this one failed."""
        place = (self.org_id, self.project_id)
        cycle = await self.ask(create_cycle(*place, CyclePlan(name="Release 4"), author_id=self.user_id))
        await self.ask(add_ready_cases(*place, cycle))
        failed = Outcome(result="failed", comment=comment)
        await self.ask(execute(*place, cycle, key, failed, by=self.user_id))
        return cycle

    async def ask(self, operation: Operation[T]) -> T:
        return await self.database.run(operation, org_id=self.org_id)

    @property
    def mine(self) -> Mine:
        return Mine(org_id=self.org_id, project_id=self.project_id, user_id=self.user_id)

    async def _person(self, owner: psycopg.AsyncConnection[Any], email: str, role: str) -> int:
        user = await _one(
            owner,
            "INSERT INTO app_user (password, is_superuser, email, ref, display_name, is_active, is_staff, date_joined)"
            " VALUES ('', false, %s, %s, 'Ada', true, false, now()) RETURNING id",
            email, email,
        )  # fmt: skip
        await owner.execute(
            "INSERT INTO membership (user_id, org_id, role) VALUES (%s, %s, %s)", (user, self.org_id, role)
        )
        return user


class Scene:
    """Short words for what the tests do in one room."""

    def __init__(self, room: Room, meter: Meter, upstream: Upstream, owner_url: str) -> None:
        self.room, self.meter, self.upstream, self.owner_url = room, meter, upstream, owner_url

    async def question(
        self, text: str = "Which test cases failed?", *, model: str = LARGE_MODEL, thread: int | None = None,
        most: int = 0, room: Room | None = None,
    ) -> tuple[int, int]:  # fmt: skip
        at = room or self.room
        asked = Question(
            org_id=at.org_id, project_id=at.project_id, project_key=at.key, user_id=at.user_id, user_ref=at.email,
            text=text, model=model,
        )  # fmt: skip
        return await at.ask(ask(asked, most=most, thread_id=thread))

    async def run(self, turn: tuple[int, int]) -> Turn:
        await run_turn(self.room.org_id, *turn, self.meter, self.room.database)
        return await self.turn(turn)

    async def answered(self, text: str = "Which test cases failed?", **asked: Any) -> Turn:
        return await self.run(await self.question(text, **asked))

    async def turn(self, turn: tuple[int, int]) -> Turn:
        return await self.room.ask(operations.find_turn(self.room.mine, *turn))

    async def until(self, turn: tuple[int, int], words: str) -> None:
        """Wait until the answer says something."""
        while words not in (await self.turn(turn)).answer:
            await asyncio.sleep(0.02)

    async def stop(self, turn: tuple[int, int]) -> None:
        await self.room.ask(operations.ask_to_stop(self.room.mine, *turn))

    async def usage(self) -> list[UsageRow]:
        return await self.room.ask(usage_page(self.room.org_id, limit=50))

    async def available(self) -> int:
        return (await self.room.ask(balance(self.room.org_id))).available

    async def held(self) -> int:
        return (await self.room.ask(balance(self.room.org_id))).held

    async def as_owner(self, sql: str, *values: Any) -> None:
        async with await psycopg.AsyncConnection.connect(self.owner_url, autocommit=True) as owner:
            await owner.execute(sql, values)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with scripted_upstream(spoken("Nothing failed.")) as running:
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
    watcher = Watcher(pool, every_seconds=0.1)
    meter = Meter(engine, load_price_books(), catalog, watcher=watcher)
    room = Room(pool, engine, "cobalt")
    await room.set_up(database.owner_url, credits)
    yield Scene(room, meter, upstream, database.owner_url)
    await meter.drain(5)
    await watcher.close()
    await catalog.close()
    await pool.close()


async def _one(connection: psycopg.AsyncConnection[Any], sql: Any, *values: Any) -> int:
    row = await (await connection.execute(sql, values)).fetchone()
    assert row is not None
    return int(row[0])
