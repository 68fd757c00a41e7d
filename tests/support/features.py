"""An organization with a project and a person who asks, a meter, and the scripted upstream in the place of models: the
stage of generation, reports and chat."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg

from testkase.core.ledger.commands import OpenAccount, SwitchAi
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.queries import UsageRow, balance, usage_page
from testkase.core.pricing import load_price_books
from testkase.foundation.clock import utc_now
from testkase.foundation.database import Database, Operation, T
from testkase.foundation.settings import Settings
from testkase.services.audit import OPERATOR
from testkase.services.inference import EMBEDDED_MODEL, Catalog
from testkase.services.live import Watcher
from testkase.services.metering.meter import Meter
from testkase.services.workspace.projects import create_project
from tests.support.cluster import TestDatabase
from tests.support.replies import Reply
from tests.support.upstream import Upstream

LARGE_MODEL = next(name for name in load_price_books().at(utc_now()).models() if name != EMBEDDED_MODEL)


def in_pieces(answer: str, *, length: int = 40, tokens: tuple[int, int], **reply: Any) -> Reply:
    """A reply that says the answer in pieces. `tokens`: of the prompt and of the answer."""
    pieces = tuple(answer[start : start + length] for start in range(0, len(answer), length))
    usage = {"prompt_tokens": tokens[0], "completion_tokens": tokens[1]}
    return Reply(**{"chunks": pieces, "usage": usage, **reply})


class Office:
    """An organization with one project and one person, and short words for what tests of all features ask."""

    def __init__(self, database: Database, engine: Engine, owner_url: str, *, name: str = "acme") -> None:
        self.database, self.engine, self.owner_url, self.name = database, engine, owner_url, name
        self.email = f"ada@{name}.example" if name != "acme" else "ada@example.com"
        self.key = "SHOP" if name == "acme" else name[:4].upper()
        self.org_id = self.project_id = self.user_id = 0

    async def set_up(self, credits: int, *, role: str = "admin") -> None:
        self.org_id = await self._new("INSERT INTO organization (name, slug) VALUES (%s, %s) RETURNING id", self.name,
                                      self.name)  # fmt: skip
        self.user_id = await self.person(self.email, role)
        await self.engine.submit(OpenAccount(org_id=self.org_id, monthly_allowance=credits * MICRO, ai_enabled=True))
        self.project_id = await self.ask(create_project(self.org_id, key=self.key, name=self.key, actor=OPERATOR))

    async def person(self, email: str, role: str) -> int:
        """A new member of the organization."""
        user = await self._new(
            "INSERT INTO app_user (password, is_superuser, email, ref, display_name, is_active, is_staff, date_joined)"
            " VALUES ('', false, %s, %s, 'Ada', true, false, now()) RETURNING id",
            email, email,
        )  # fmt: skip
        await self.write("INSERT INTO membership (user_id, org_id, role) VALUES (%s, %s, %s)", user, self.org_id, role)
        return user

    async def role(self, role: str | None) -> None:
        """What the person is in the organization from now on; None: they have left."""
        await self.write("DELETE FROM membership WHERE user_id = %s", self.user_id)
        if role is not None:
            member = "INSERT INTO membership (user_id, org_id, role) VALUES (%s, %s, %s)"
            await self.write(member, self.user_id, self.org_id, role)

    async def project_role(self, role: str | None, *, may_generate: bool = False) -> None:
        """What the person is in the project from now on; None: not in it."""
        await self.write("DELETE FROM project_member WHERE user_id = %s", self.user_id)
        if role is not None:
            await self.write(
                "INSERT INTO project_member (org_id, project_id, user_id, role, may_generate)"
                " VALUES (%s, %s, %s, %s, %s)",
                self.org_id, self.project_id, self.user_id, role, may_generate,
            )  # fmt: skip

    async def write(self, sql: str, *values: Any) -> None:
        """Change rows as the database's owner, in the organization's context."""
        async with await psycopg.AsyncConnection.connect(self.owner_url, autocommit=True) as owner:
            await owner.execute("SELECT set_config('app.org_id', %s, false)", [str(self.org_id)])
            await owner.execute(sql.encode(), values)

    async def ask(self, operation: Operation[T]) -> T:
        return await self.database.run(operation, org_id=self.org_id)

    async def switch(self, name: str, *, enabled: bool) -> None:
        await self.engine.submit(SwitchAi(org_id=self.org_id, switch_id=name, enabled=enabled))

    async def usage(self) -> list[UsageRow]:
        return await self.ask(usage_page(self.org_id, limit=50))

    async def available(self) -> int:
        return (await self.ask(balance(self.org_id))).available

    async def held(self) -> int:
        return (await self.ask(balance(self.org_id))).held

    async def _new(self, sql: str, *values: Any) -> int:
        async with await psycopg.AsyncConnection.connect(self.owner_url, autocommit=True) as owner:
            row = await (await owner.execute(sql.encode(), values)).fetchone()
        assert row is not None
        return int(row[0])


@asynccontextmanager
async def metering_on(
    database: TestDatabase, engine: Engine, upstream: Upstream, folder: Path, *, watched: bool = False
) -> AsyncIterator[tuple[Database, Meter]]:
    """A pool, and a meter whose small and large model are the upstream. `watched`: it hears the switch at once."""
    providers = folder / "providers.toml"
    providers.write_text(
        f'[[providers]]\nname = "large"\nbase_url = "{upstream.base_url}"\nno_training = true\nzero_retention = true\n'
        f'[[providers.models]]\nname = "{LARGE_MODEL}"\ncontext_window = 100000\nmax_output_tokens = 8000\n'
    )
    environ = {"TESTKASE_MODEL_PORT": str(upstream.port), "TESTKASE_PROVIDERS": str(providers)}
    catalog = Catalog.from_settings(Settings.from_environ(environ))
    pool = Database(database.app_url)
    await pool.open()
    watcher = Watcher(pool, every_seconds=0.1) if watched else None
    meter = Meter(engine, load_price_books(), catalog, watcher=watcher)
    try:
        yield pool, meter
    finally:
        await meter.drain(5)
        if watcher is not None:
            await watcher.close()
        await catalog.close()
        await pool.close()
