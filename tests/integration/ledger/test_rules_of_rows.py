"""No row that breaks a rule of its table is written, whatever the ledger's functions are given."""

import json
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.limits.commands import SetBudget
from testkase.core.ledger.verify import verify
from testkase.foundation.database import SyncDatabase
from tests.support.cluster import TestDatabase
from tests.support.ledger import hold, organization, settle

Writer = psycopg.Connection[Any]
APPENDED = ("entry", "usage")
"""Tables in which even the ledger's functions cannot change a row."""

BROKEN: dict[str, list[dict[str, object]]] = {
    "account": [
        {"available": -1}, {"held": -1}, {"debt": -1}, {"covered": -1}, {"overage_limit": -1}, {"overage": -1},
        {"period_used": -1}, {"monthly_allowance": -1}, {"off_seq": -1}, {"period_number": -1}, {"anchor_day": 0},
        {"anchor_day": 32}, {"period_end": 0}, {"last_seq": 0}, {"last_hash": "\\x"},
    ],
    "lot": [
        {"available": -1, "held": 1}, {"held": -1}, {"reversed": -1}, {"expired": -1}, {"clawed": -1},
        {"granted": 1, "available": 0, "held": 0, "clawed": 2}, {"granted": 0, "available": 0, "held": 0},
        {"available": 10**18}, {"expired": 10**18}, {"expires_at": 0}, {"source": "gift"},
    ],
    "open_hold": [{"amount": -1}, {"expires_at": 0}, {"hold_id": ""}, {"hold_id": "x" * 129}],
    "entry": [
        {"used": -1}, {"expired": -1}, {"available_after": -1}, {"held_after": -1}, {"seq": 0}, {"hash": "\\x"},
        {"held": 7}, {"debt": 1},
    ],
    "usage": [
        {"input": -1}, {"cached_input": -1}, {"cache_write": -1}, {"output": -1}, {"reasoning": -1}, {"charged": -1},
        {"charged": 10**18},
    ],
    "usage_day": [{"charged": -1}, {"interactions": 0}, {"input_tokens": -1}, {"output_tokens": -1}],
    "budget": [
        {"limit_amount": -1}, {"extra_amount": -1}, {"used": -1}, {"held": -1}, {"period_end": 0}, {"budget_id": ""},
        {"budget_id": "x" * 65}, {"name": ""}, {"name": "x" * 81}, {"period": "year"},
    ],
}  # fmt: skip
"""Values that no row may have, by table. The rest of the row is one that was written by the ledger."""


@pytest.fixture
async def writer(engine: Engine, database: TestDatabase) -> AsyncIterator[Writer]:
    """A connection with the rights of the ledger's functions, to a database with a row in every table of theirs."""
    org_id = await organization(engine)
    budget = SetBudget(org_id=org_id, change_id="c", budget_id="b", name="All", period="month", limit=100 * MICRO)
    for command in (hold(org_id, "a", 5), settle(org_id, "a", 2), hold(org_id, "b", 5), budget):
        await engine.submit(command)
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute("SET ROLE testkase_ledger")
        yield connection


@pytest.mark.requirement("I1", "I2", "I10")
@pytest.mark.parametrize("table", BROKEN)
async def test_no_table_takes_a_row_that_breaks_its_rules(writer: Writer, table: str) -> None:
    for values in BROKEN[table]:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match=f'policy for table "{table}"'):
            writer.execute(_inserted(writer, table), {"values": json.dumps(values)})
        assert table in APPENDED or _is_refused(writer, table, values), values


@pytest.mark.requirement("I10")
@pytest.mark.parametrize("column", ["available", "held"])
async def test_nobody_at_all_takes_a_balance_below_zero(engine: Engine, owner_url: str, column: str) -> None:
    await organization(engine)
    with psycopg.connect(owner_url) as superuser, pytest.raises(psycopg.errors.CheckViolation):
        superuser.execute(sql.SQL("UPDATE ledger.account SET {} = -1").format(sql.Identifier(column)))


@pytest.mark.requirement("I12")
@pytest.mark.parametrize("seq", [0, -1, -(2**63) + 1])
async def test_an_entry_before_the_first_that_a_superuser_wrote_is_found(
    engine: Engine, database: TestDatabase, seq: int
) -> None:
    org_id = await organization(engine)
    with psycopg.connect(database.owner_url, autocommit=True) as superuser:
        values = json.dumps({"seq": seq, "operation_id": "forged"})
        superuser.execute(_inserted(superuser, "entry"), {"values": values})
    books = SyncDatabase(database.app_url)
    assert books.run(verify(org_id), org_id=org_id) != []
    books.close()


def _inserted(writer: Writer, table: str) -> sql.Composed:
    """A statement that adds a row to a table, as one that is there, but for some values."""
    names = writer.execute(
        "SELECT attname::text FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''",
        [f"ledger.{table}"],
    ).fetchall()
    columns = sql.SQL(", ").join(sql.Identifier(str(name)) for (name,) in names)
    return sql.SQL(
        "INSERT INTO ledger.{table} ({columns}) SELECT {columns} FROM ("
        "SELECT (jsonb_populate_record(r, %(values)s)).* FROM ledger.{table} AS r LIMIT 1) AS changed"
    ).format(table=sql.Identifier(table), columns=columns)


def _is_refused(writer: Writer, table: str, values: dict[str, object]) -> bool:
    """Whether a row that is there cannot be given these values."""
    changes = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in values.items()
    )
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match=f'policy for table "{table}"'):
        writer.execute(sql.SQL("UPDATE ledger.{} SET {}").format(sql.Identifier(table), changes))
    return True
