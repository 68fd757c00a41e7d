"""What somebody with every right does to the rows of an organization: edits, deletes, inserts, swaps, moves, empties.

Tables and columns come from the catalogue: every table of the ledger, and the activity history. A change that leaves
everything as it was, or that a constraint refuses, is no change, and another one is drawn.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

Connection = psycopg.Connection[Any]
Row = dict[str, Any]

_TABLES = """
SELECT space.nspname || '.' || relation.relname AS name FROM pg_class AS relation
JOIN pg_namespace AS space ON space.oid = relation.relnamespace
JOIN pg_attribute AS org ON org.attrelid = relation.oid AND org.attname = 'org_id' AND NOT org.attisdropped
WHERE relation.relkind IN ('r', 'p') AND NOT relation.relispartition
  AND (space.nspname = 'ledger' OR relation.relname IN ('activity', 'activity_head'))
ORDER BY 1
"""
_COLUMNS = """
SELECT attname AS name, format_type(atttypid, NULL) AS type, attnotnull AS needed,
       EXISTS (SELECT FROM pg_index AS key JOIN pg_attribute AS part ON part.attrelid = key.indrelid
               AND part.attnum = ANY (key.indkey)
               WHERE key.indisprimary AND part.attname = pg_attribute.attname
                 AND key.indrelid = coalesce(
                     (SELECT min(inhrelid) FROM pg_inherits WHERE inhparent = pg_attribute.attrelid),
                     pg_attribute.attrelid)
              ) AS in_key
FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum
"""


class NoChange(Exception):  # noqa: N818 - an event: something else is drawn
    """It left everything as it was."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column that can be given a value."""

    name: str
    type: str
    needed: bool
    in_key: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the books."""

    name: str
    columns: tuple[Column, ...]

    @property
    def place(self) -> sql.SQL:
        return sql.SQL(self.name)  # from the catalogue

    def value(self, column: Column, value: Any) -> Any:
        return Jsonb(value) if column.type == "jsonb" and value is not None else value


def tables_of(owner: Connection) -> list[Table]:
    """Every table of the books."""
    cursor = owner.cursor(row_factory=dict_row)
    names = [row["name"] for row in cursor.execute(_TABLES.encode()).fetchall()]
    return [Table(name, tuple(Column(**row) for row in cursor.execute(_COLUMNS.encode(), [name]))) for name in names]


class Hand:
    """Changes one organization's rows, in a transaction that the caller takes back."""

    def __init__(self, owner: Connection, org_id: int, dice: random.Random, tables: list[Table]) -> None:
        self._owner, self._org_id, self._dice = owner, org_id, dice
        self._rows = {table.name: self._read(table) for table in tables}
        self._tables = [table for table in tables if self._rows[table.name]]
        if not self._rows["ledger.usage_part_day"]:  # "nothing is summed up" is said by no row as well as by one
            self._tables = [table for table in self._tables if table.name != "ledger.usage_closed"]

    def change(self) -> str:
        """Do something, and say what. Raises NoChange, and psycopg.Error for what a constraint refuses."""
        ways: list[Callable[[Table], str]] = [
            self._edit,
            self._delete,
            self._insert,
            self._swap,
            self._move,
            self._empty,
        ]
        way = self._dice.choices(ways, weights=(12, 2, 3, 3, 1, 1))[0]
        return way(self._dice.choice(self._tables))

    def _read(self, table: Table) -> list[Row]:
        query = sql.SQL("SELECT tableoid AS place, ctid::text AS ctid, * FROM {} WHERE org_id = %s").format(table.place)
        return self._owner.cursor(row_factory=dict_row).execute(query, [self._org_id]).fetchall()

    def _edit(self, table: Table) -> str:
        column = self._dice.choice([column for column in table.columns if column.name != "org_id"])
        row = self._dice.choice(self._rows[table.name])
        others = [other[column.name] for other in self._rows[table.name] if other[column.name] != row[column.name]]
        new = self._other(column, row[column.name], others)
        if new == row[column.name] or self._harmless(table, column, new):
            raise NoChange
        self._set(table, row, column, new)
        return f"{table.name}.{column.name} {row[column.name]!r} → {new!r}"

    def _harmless(self, table: Table, column: Column, new: Any) -> bool:
        match table.name, column.name:
            case "ledger.account", "due_at":
                return self._is_sooner_than_due(new)
            case "ledger.usage_closed", "before":
                return self._is_nothing_between(new)
        return False

    def _is_sooner_than_due(self, new: Any) -> bool:
        """An account says "nothing before": whoever moves that to before what is really due makes it be looked at once
        more, and nothing else."""
        lots = [lot["expires_at"] for lot in self._rows["ledger.lot"] if lot["available"] and lot["expires_at"]]
        holds = [hold["expires_at"] for hold in self._rows["ledger.open_hold"]]
        return bool(new <= min([self._rows["ledger.account"][0]["period_end"], *lots, *holds]))

    def _is_nothing_between(self, new: Any) -> bool:
        """Days on which nothing was used are summed up by no row, and nobody knows when. Nothing is on any day before
        the first, nor summed up of the last two: the end of the sums is known not to lie there."""
        days = [row["day"] for row in self._rows["ledger.usage_day"]]
        begins, ends = sorted((self._rows["ledger.usage_closed"][0]["before"], new))
        return min(days) <= new < max(days) and not any(begins <= day < ends for day in days)

    def _set(self, table: Table, row: Row, column: Column, value: Any) -> None:
        change = sql.SQL("UPDATE {} SET {} = %s WHERE (tableoid, ctid) = (%s, %s::tid)")
        query = change.format(table.place, sql.Identifier(column.name))
        self._owner.execute(query, [table.value(column, value), row["place"], row["ctid"]])

    def _delete(self, table: Table) -> str:
        rows = self._rows[table.name]
        gone = self._dice.sample(rows, min(len(rows), self._dice.choice((1, 1, 1, 2, 5))))
        query = sql.SQL("DELETE FROM {} WHERE (tableoid, ctid) = (%s, %s::tid)").format(table.place)
        for row in gone:
            self._owner.execute(query, [row["place"], row["ctid"]])
        return f"{len(gone)} of {table.name} deleted"

    def _insert(self, table: Table) -> str:
        """A copy of a row under a key of which something is different."""
        row = dict(self._dice.choice(self._rows[table.name]))
        keys = [column for column in table.columns if column.in_key and column.name != "org_id"]
        other = self._dice.sample(keys, self._dice.randint(1, len(keys))) if keys else []
        for column in table.columns:
            if column in other or column.name in ("operation_id", "event_id"):
                row[column.name] = self._other(column, row[column.name], [])
        self._put(table, row)
        return f"a row forged in {table.name}"

    def _put(self, table: Table, row: Row) -> None:
        names = [column for column in table.columns if row[column.name] is not None]
        query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            table.place,
            sql.SQL(", ").join(sql.Identifier(column.name) for column in names),
            sql.SQL(", ").join([sql.Placeholder()] * len(names)),
        )
        self._owner.execute(query, [table.value(column, row[column.name]) for column in names])

    def _swap(self, table: Table) -> str:
        """Two rows change places in one column."""
        free = [column for column in table.columns if not column.in_key]
        if len(self._rows[table.name]) < 2 or not free:
            raise NoChange
        one, two = self._dice.sample(self._rows[table.name], 2)
        column = self._dice.choice(free)
        if one[column.name] == two[column.name]:
            raise NoChange
        self._set(table, one, column, two[column.name])
        self._set(table, two, column, one[column.name])
        return f"{table.name}.{column.name} of two rows swapped: {one[column.name]!r}, {two[column.name]!r}"

    def _move(self, table: Table) -> str:
        """A row is given to an organization that has no books."""
        row = self._dice.choice(self._rows[table.name])
        query = sql.SQL("UPDATE {} SET org_id = %s WHERE (tableoid, ctid) = (%s, %s::tid)").format(table.place)
        self._owner.execute(query, [self._org_id + 10**9, row["place"], row["ctid"]])
        return f"a row of {table.name} given away"

    def _empty(self, table: Table) -> str:
        self._owner.execute(sql.SQL("DELETE FROM {} WHERE org_id = %s").format(table.place), [self._org_id])
        return f"{table.name} emptied"

    def _other(self, column: Column, value: Any, others: list[Any]) -> Any:
        """Another value: a neighbour's, none, or one a little or far beside it."""
        if others and self._dice.random() < 0.35:
            return self._dice.choice(others)
        if value is None or (not column.needed and self._dice.random() < 0.1):
            return _invented(column) if value is None else None
        return _beside(value, self._dice)


def _invented(column: Column) -> Any:
    return {"text": "invented", "bigint": 1_790_000_000_000_000}.get(column.type, 1)


def _beside(value: Any, dice: random.Random) -> Any:
    match value:
        case bool():
            return not value
        case int():
            return dice.choice((value + 1, value - 1, value * 2, value + 10_000, 0, value + 86_400_000_000))
        case str():
            return dice.choice((value + "x", value[:-1] or "y", value.swapcase(), "forged"))
        case bytes():
            place = dice.randrange(len(value)) if value else 0
            return value[:place] + bytes([value[place] ^ 1]) + value[place + 1 :] if value else b"x"
        case list():
            return _shifted(value)
        case dict():
            return {**value, "forged": "yes"}
        case datetime():
            return value + value.resolution
        case date():
            return value + timedelta(days=dice.choice((1, 1, -1, 7, -31, 400)))
    raise TypeError(type(value))


def _shifted(lots: list[Any]) -> list[Any]:
    """Lines of lots with one figure moved; or one more line."""
    if not lots:
        return [[1, 1]]
    return [[*lots[0][:-1], lots[0][-1] + 1], *lots[1:]]
