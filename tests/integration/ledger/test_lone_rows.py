"""Commands that come alone are written row by row, and are refused as a batch is: what is in the database afterwards is
right, or as it was."""

from collections.abc import AsyncIterator
from typing import Any, cast

import psycopg
import pytest
from msgspec.structs import replace
from psycopg import sql

from testkase.core.ledger import commands as ask
from testkase.core.ledger.conversation import Conversation, Stale
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.operations import Answer, execute_one
from testkase.core.ledger.refusals import IdReused
from testkase.core.ledger.terms import Tokens
from testkase.core.ledger.verify import verify
from testkase.core.ledger.writing import APPEND_ONE
from testkase.foundation.database import Operation, Statement, SyncDatabase
from tests.support.ledger import SUBJECT, TERMS, hold, organization, settle

TABLES = ("account", "lot", "open_hold", "entry", "usage", "usage_day")
SECOND = 1_000_000
NOW = 1_790_000_000 * SECOND
Books = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
async def stopped(app_url: str) -> AsyncIterator[Engine]:
    """An engine for which it is always the same moment, so that no day ends meanwhile."""
    running = Engine(app_url, clock=lambda: NOW)
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def refused_by(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """For each lone command decided from memory: the constraint that refused it."""
    told: list[str | None] = []
    write = Conversation.append_known

    async def listen(self: Conversation, statement: Statement) -> int:
        assert statement.sql == APPEND_ONE
        told.append(None)
        try:
            return await write(self, statement)
        except Stale as stale:
            told[-1] = cast(psycopg.Error, stale.__cause__).diag.constraint_name
            raise

    monkeypatch.setattr(Conversation, "append_known", listen)
    return told


_ROWS = sql.SQL("SELECT * FROM ledger.{} WHERE org_id = %s ORDER BY 1, 2, 3, 4, 5")


def there(owner_url: str, org_id: int) -> Books:
    """Every row of an organization's books."""
    with psycopg.connect(owner_url) as owner:
        return {table: owner.execute(_ROWS.format(sql.Identifier(table)), [org_id]).fetchall() for table in TABLES}


def days(owner_url: str, org_id: int) -> list[tuple[Any, ...]]:
    """Project, interactions, micro-credits and tokens of every row of days."""
    with psycopg.connect(owner_url) as owner:
        return owner.execute(
            "SELECT project_ref, interactions, charged, input_tokens, output_tokens FROM ledger.usage_day"
            " WHERE org_id = %s ORDER BY day, use_case, user_ref, project_ref",
            [org_id],
        ).fetchall()


def used(org_id: int, usage_id: str, credits: int = 1) -> ask.RecordUsage:
    return ask.RecordUsage(org_id=org_id, usage_id=usage_id, subject=SUBJECT, credits=credits * MICRO)


async def unseen(engine: Engine, elsewhere: SyncDatabase, command: ask.Command) -> Answer:
    """Another process has executed it; this one knows the head of the books, and not the id."""
    answer = elsewhere.run(execute_one(command))
    await engine.submit(ask.Touch(org_id=command.org_id))
    return answer


@pytest.mark.requirement("I5", "I6")
async def test_a_hold_that_is_open_under_this_id_is_met_by_its_key_and_is_the_answer(
    engine: Engine, elsewhere: SyncDatabase, owner_url: str, refused_by: list[str | None]
) -> None:
    org = await organization(engine)
    first = await unseen(engine, elsewhere, hold(org, "taken", 5))
    before = there(owner_url, org)
    again = await engine.submit(hold(org, "taken", 5))
    assert refused_by == ["open_hold_pkey"]
    assert (again.replayed, again.entry.hash) == (True, first.entry.hash)
    assert there(owner_url, org) == before
    assert [row[1:3] for row in before["open_hold"]] == [("taken", 5 * MICRO)]


@pytest.mark.requirement("I5", "I6")
async def test_another_hold_under_an_id_that_is_taken_is_refused_and_nothing_is_written(
    engine: Engine, elsewhere: SyncDatabase, owner_url: str, refused_by: list[str | None]
) -> None:
    org = await organization(engine)
    await unseen(engine, elsewhere, hold(org, "taken", 5))
    before = there(owner_url, org)
    with pytest.raises(IdReused):
        await engine.submit(hold(org, "taken", 6))
    assert refused_by == ["open_hold_pkey"]
    assert there(owner_url, org) == before


@pytest.mark.requirement("I5", "I6")
async def test_the_id_of_a_hold_that_is_gone_is_not_opened_again(
    engine: Engine, elsewhere: SyncDatabase, owner_url: str, refused_by: list[str | None]
) -> None:
    org = await organization(engine)
    first = elsewhere.run(execute_one(hold(org, "taken", 5)))
    await unseen(engine, elsewhere, settle(org, "taken", 2))
    before = there(owner_url, org)
    again = await engine.submit(hold(org, "taken", 5))
    assert refused_by == ["operation_pkey"]
    assert (again.replayed, again.entry.hash) == (True, first.entry.hash)
    assert there(owner_url, org) == before
    assert before["open_hold"] == []


@pytest.mark.requirement("I5", "I6")
async def test_usage_under_an_id_that_was_used_is_charged_once_and_counted_once(
    engine: Engine, elsewhere: SyncDatabase, owner_url: str, refused_by: list[str | None]
) -> None:
    org = await organization(engine)
    first = await unseen(engine, elsewhere, used(org, "once", 2))
    before = there(owner_url, org)
    again = await engine.submit(used(org, "once", 2))
    assert refused_by == ["operation_pkey"]
    assert (again.replayed, again.entry.hash) == (True, first.entry.hash)
    assert there(owner_url, org) == before
    assert days(owner_url, org) == [("DEMO", 1, 2 * MICRO, 0, 0)]


@pytest.mark.requirement("I5", "I6")
async def test_other_usage_under_an_id_that_was_used_is_refused_and_nothing_is_written(
    engine: Engine, elsewhere: SyncDatabase, owner_url: str, refused_by: list[str | None]
) -> None:
    org = await organization(engine)
    await unseen(engine, elsewhere, used(org, "once", 2))
    before = there(owner_url, org)
    with pytest.raises(IdReused):
        await engine.submit(used(org, "once", 3))
    assert refused_by == ["operation_pkey"]
    assert there(owner_url, org) == before


@pytest.mark.requirement("I11")
async def test_usage_of_the_same_day_use_case_user_and_project_is_added_to_one_row(
    stopped: Engine, elsewhere: SyncDatabase, owner_url: str, refused_by: list[str | None]
) -> None:
    org = await organization(stopped)
    tokens = Tokens(input=1_000, cached_input=200, cache_write=30, output=400, reasoning=5)
    metered = ask.RecordUsage(org_id=org, usage_id="metered", subject=SUBJECT, tokens=tokens, terms=TERMS)
    await stopped.submit(used(org, "a", 2))
    charged = (await stopped.submit(metered)).entry.deltas.used
    await stopped.submit(hold(org, "b", 5))
    await stopped.submit(settle(org, "b", 3))
    assert refused_by == [None] * 4
    assert days(owner_url, org) == [("DEMO", 3, charged + 5 * MICRO, 1_230, 405)]
    assert len(there(owner_url, org)["usage"]) == 3
    assert elsewhere.read(verify(org), org_id=org) == []


@pytest.mark.requirement("I11")
@pytest.mark.parametrize("other", [{"use_case": "report"}, {"user": "another"}, {"project": None}])
async def test_usage_of_another_use_case_user_or_project_has_a_row_of_its_own(
    stopped: Engine,
    elsewhere: SyncDatabase,
    owner_url: str,
    refused_by: list[str | None],
    other: dict[str, str | None],
) -> None:
    org = await organization(stopped)
    await stopped.submit(used(org, "a", 2))
    await stopped.submit(replace(used(org, "b", 3), subject=replace(SUBJECT, **other)))
    assert refused_by == [None] * 2
    assert sorted(row[1:3] for row in days(owner_url, org)) == [(1, 2 * MICRO), (1, 3 * MICRO)]
    assert elsewhere.read(verify(org), org_id=org) == []


@pytest.mark.requirement("I6")
@pytest.mark.parametrize(("seconds", "believed"), [(-60, False), (-2.1, False), (-0.5, True), (1.5, True), (4, False)])
async def test_a_time_that_differs_by_more_than_two_seconds_is_not_believed(
    engine: Engine,
    elsewhere: SyncDatabase,
    owner_url: str,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    *,
    believed: bool,
) -> None:
    org = await organization(engine)
    before, after = there(owner_url, org), list[Books]()

    async def decided_then(_: Conversation, statement: Statement) -> int:
        """As if it had been decided so many seconds from now."""
        params = {**(statement.params or {}), "apart": int(seconds * SECOND)}
        try:
            return elsewhere.run(_answered(Statement(_DECIDED_THEN, params)))
        except psycopg.Error as error:
            if error.sqlstate != "TK001":
                raise
            raise Stale from error
        finally:
            after.append(there(owner_url, org))

    monkeypatch.setattr(Conversation, "append_known", decided_then)
    assert not (await engine.submit(hold(org, "a", 5))).replayed
    assert [books == before for books in after] == [not believed]
    assert (engine.heads.confirmed, engine.heads.refuted) == (believed, not believed)
    assert [row[1:3] for row in there(owner_url, org)["open_hold"]] == [("a", 5 * MICRO)]
    assert elsewhere.read(verify(org), org_id=org) == []


_DECIDED_THEN = APPEND_ONE.replace(
    "%(decided_at)s", "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint + %(apart)s"
)


def _answered(statement: Statement) -> Operation[int]:
    (row,) = yield statement
    return int(row["append_one"])
