"""Rows for two organizations in every table, so that there is something to be seen wherever a hole may be.

Made from the types of the columns by a superuser, in a database that is thrown away: without its CHECKs and foreign
keys, which keep nobody from seeing anything, so that no table is left empty because a row of it is hard to make.
"""

import itertools
import json
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from campaigns.isolation.catalogue import Column, Table

OWN, NEIGHBOUR = 9_000_000_001, 9_000_000_007
CANARY = "canary-of-the-neighbour"
ROWS = 3
_CONSTRAINTS = """
SELECT conrelid::regclass::text, conname FROM pg_constraint
WHERE contype IN ('c', 'f') AND connamespace::regnamespace::text !~ '^(pg_|information_schema)' AND conrelid <> 0
  AND conparentid = 0 AND coninhcount = 0
"""
_numbers = itertools.count(5_000_000)


def plant(connection: psycopg.Connection[Any], tables: list[Table]) -> None:
    """Rows of both organizations, and statistics of them. `connection`: the superuser's, in autocommit."""
    for table, name in connection.execute(_CONSTRAINTS.encode()).fetchall():
        dropping = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {} CASCADE")
        connection.execute(dropping.format(sql.SQL(table), sql.Identifier(name)))
    for table in tables:
        if table.holds_rows:
            for org_id, _ in itertools.product((OWN, NEIGHBOUR), range(ROWS)):
                insert(connection, table, row_for(table, org_id))
    connection.execute("ANALYZE")


def insert(connection: psycopg.Connection[Any], table: Table, row: dict[str, Any]) -> None:
    """One row, unless the table has room for a single one of an organization."""
    statement = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({}) ON CONFLICT DO NOTHING").format(
        sql.SQL(table.name),
        sql.SQL(", ").join(map(sql.Identifier, row)),
        sql.SQL(", ").join([sql.Placeholder()] * len(row)),
    )
    connection.execute(statement, list(row.values()))


def row_for(table: Table, org_id: int) -> dict[str, Any]:
    """A row that is like no other. Every text of the neighbour's is a canary."""
    values = {column.name: _value(column, org_id) for column in table.columns if not column.generated}
    return {name: value for name, value in values.items() if value is not None} | {"org_id": org_id}


def _value(column: Column, org_id: int) -> Any:
    number = next(_numbers)
    word = f"{CANARY if org_id == NEIGHBOUR else 'our-own'} {number}"
    if column.name == "document":  # of a receipt, which an index reads its payment from
        return json.dumps({"word": word})
    if column.category == "S":
        return word[-column.length :] if column.length else word
    if column.type in ("json", "jsonb"):
        return Jsonb({"word": word})
    if column.type == "smallint":
        return number % 30_000
    if column.category == "N":
        return number
    if not column.needed:
        return None
    return _plain(column, number)


def _plain(column: Column, number: int) -> Any:
    match column.category:
        case "B":
            return False
        case "D":
            return f"2026-11-{1 + number % 28:02}"
        case "A":
            return "{}"
        case "T":
            return "1 day"
    if column.type == "bytea":
        return str(number).encode()
    if column.type == "uuid":
        return f"00000000-0000-0000-0000-{number:012}"
    raise ValueError(f"no value is known for a column of type {column.type}")
