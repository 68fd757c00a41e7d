"""A project with test cases and a member who chats, a meter, and the scripted upstream in the place of the models."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from testkase.core.ledger.engine import Engine
from testkase.core.ledger.queries import UsageRow
from testkase.services.features.chat import operations
from testkase.services.features.chat.asking import ask
from testkase.services.features.chat.model import Question, Turn
from testkase.services.features.chat.operations import Mine
from testkase.services.features.chat.run import run_turn
from testkase.services.metering.meter import Meter
from testkase.services.workspace.cases import create_case
from testkase.services.workspace.cycles import add_ready_cases, create_cycle
from testkase.services.workspace.executions import execute
from testkase.services.workspace.model import CaseContent, CyclePlan, Outcome, Step
from tests.support.cluster import TestDatabase
from tests.support.features import LARGE_MODEL, Office, in_pieces, metering_on
from tests.support.replies import Reply
from tests.support.upstream import Upstream, scripted_upstream

SENTENCE = '{"answer": "Look at the newest failures first, and talk to the developers."}'
MADE_UP = '{"answer": "Look at the voucher code, which the new company has already mended."}'


def spoken(text: str, **reply: Any) -> Reply:
    """A reply that says the text in pieces."""
    return in_pieces(text, length=12, tokens=(400, 40), **reply)


def looks_up(name: str, arguments: str = "{}") -> Reply:
    """A reply that calls a tool."""
    return Reply(chunks=(), tool_call=(name, arguments), usage={"prompt_tokens": 300, "completion_tokens": 20})


class Room(Office):
    """An organization with a project, its owner and a member of the project."""

    owner_id = 0

    async def move_in(self, credits: int) -> None:
        await self.set_up(credits, role="member")
        self.owner_id = await self.person(f"boss@{self.name}.example", "owner")
        await self.project_role("user")

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

    @property
    def mine(self) -> Mine:
        return Mine(org_id=self.org_id, project_id=self.project_id, user_id=self.user_id)


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
        return await self.room.usage()

    async def available(self) -> int:
        return await self.room.available()

    async def held(self) -> int:
        return await self.room.held()

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
    async with metering_on(database, engine, upstream, tmp_path, watched=True) as (pool, meter):
        room = Room(pool, engine, database.owner_url, name="cobalt")
        await room.move_in(credits)
        yield Scene(room, meter, upstream, database.owner_url)
