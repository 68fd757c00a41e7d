"""The demo organization with use, generations and a member who is gone, on a real database."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from testkase.core.ledger.queries import balance
from testkase.core.ledger.statement import statements
from testkase.core.ledger.verify import verify
from testkase.foundation.database import Database, Operation, Row, Statement, SyncDatabase
from testkase.services.audit import verify_activity
from testkase.services.workspace.model import CaseContent, Step
from tests.support.cluster import TestDatabase
from tests.support.people import Demo, staged_demo, use_credits, with_draft
from tests.support.tenants.snapshot import Snapshots

SECRET = "The vault of the Aurora project opens with a code of six digits."
FIGURES = ("ledger.account", "ledger.entry", "ledger.lot", "ledger.usage", "ledger.usage_day")


@dataclass
class Scene:
    """Short words for what the tests do."""

    demo: Demo
    database: TestDatabase
    books: SyncDatabase
    snapshots: Snapshots

    @property
    def org_id(self) -> int:
        return self.demo.org_id

    def run(self, operation: Operation[Any]) -> Any:
        return self.books.run(operation, org_id=self.org_id)

    def owner(self, sql: Any, *values: Any) -> list[tuple[Any, ...]]:
        """As the database's owner, past row security."""
        with psycopg.connect(self.database.owner_url, autocommit=True) as connection:
            done = connection.execute(sql, values)
            return done.fetchall() if done.description else []

    def work(self, job: Callable[[Database], Coroutine[Any, Any, Any]]) -> Any:
        """What the worker does, on its kind of connection."""

        async def working() -> Any:
            pool = Database(self.database.app_url)
            await pool.open()
            try:
                return await job(pool)
            finally:
                await pool.close()

        return asyncio.run(working())

    def a_draft(self, *, days_old: int = 0, state: str = "proposed") -> int:
        """A generation with one draft, both so old; its number."""
        address = with_draft(self.demo, CaseContent(title=SECRET[:60], steps=(Step(action=SECRET),)))
        number = int(address.split("/")[4])
        self.owner(
            "UPDATE generation SET requirement = %s, finished_at = now() - %s * interval '1 day',"
            " created_at = now() - %s * interval '1 day' WHERE generation_id = %s",
            SECRET, days_old, days_old, number,
        )  # fmt: skip
        decided = None if state == "proposed" else "2026-11-01"
        self.owner(
            "UPDATE draft_case SET state = %s, decided_at = %s, created_at = now() - %s * interval '1 day'"
            " WHERE generation_id = %s",
            state, decided, days_old, number,
        )  # fmt: skip
        return number

    def generations(self) -> list[int]:
        return [row[0] for row in self.owner("SELECT generation_id FROM generation ORDER BY 1")]

    def figures(self) -> dict[str, str]:
        """One short text per table of figures, and every statement."""
        tables = self.snapshots.of(self.org_id)
        return {name: tables[name] for name in FIGURES} | {"statements": repr(self.run(_statements(self.org_id)))}

    def faults(self) -> list[Any]:
        """What `testkase verify` finds."""
        return [*self.run(verify(self.org_id)), *self.run(verify_activity(self.org_id))]

    def content(self) -> int:
        """In how many tables the secret stands."""
        tables = self.owner(
            "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname IN ('public', 'ledger')"
        )
        words = f"%{SECRET[:40]}%"
        return sum(
            bool(self.owner(f"SELECT 1 FROM {name} t WHERE t::text LIKE %s LIMIT 1", words)) for (name,) in tables
        )


def _statements(org_id: int) -> Operation[Any]:
    return (yield from statements((yield from balance(org_id))))


@pytest.fixture
def scene(django_database: TestDatabase) -> Iterator[Scene]:
    demo = staged_demo()
    books, snapshots = SyncDatabase(django_database.app_url), Snapshots(django_database)
    for number in range(3):
        use_credits(demo, f"call-{number}")
    yield Scene(demo, django_database, books, snapshots)
    books.close()
    snapshots.close()


def rows_of(sql: Any, **values: Any) -> Operation[list[Row]]:
    return (yield Statement(sql, values))
