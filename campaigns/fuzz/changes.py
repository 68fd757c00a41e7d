"""Which rows a request has changed, read from PostgreSQL's write-ahead log: the application is not asked.

Every committed change of every table is decoded, with the row before and after. A transaction that was rolled back,
that only locked rows, or that wrote what stood there before, has changed nothing.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Self

import psycopg
from psycopg import sql

from tests.support.cluster import TestDatabase

_SLOT = "fuzz"
_TABLES = """
    SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
"""
_DECODE = (
    "SELECT data FROM pg_logical_slot_get_binary_changes(%s, NULL, NULL, 'proto_version', '1', 'publication_names', %s)"
)
Row = tuple[bytes | None, ...]
_AS_BEFORE = b"\x00"
"""A long value that an update left alone is not repeated. No text in PostgreSQL is this one."""


@dataclass(frozen=True, slots=True)
class Change:
    """One row that is another than before."""

    table: str
    kind: str
    """insert, update, delete or truncate."""
    columns: frozenset[str]
    """Those that differ; all of them unless the row was updated."""
    at: int
    """Where its transaction's commit stands in the log."""

    def __str__(self) -> str:
        return f"{self.kind} of {self.table} ({', '.join(sorted(self.columns))[:120]})"


@dataclass(slots=True)
class _Relation:
    name: str
    columns: tuple[str, ...]


@dataclass(slots=True)
class _Reader:
    """The values of one message, in order."""

    data: bytes
    place: int = 0

    def take(self, form: str) -> int:
        """One integer."""
        (value,) = struct.unpack_from(f">{form}", self.data, self.place)
        self.place += struct.calcsize(f">{form}")
        return int(value)

    def text(self) -> str:
        """Up to the next zero byte."""
        end = self.data.index(0, self.place)
        found, self.place = self.data[self.place : end].decode(), end + 1
        return found

    def row(self) -> Row:
        """A tuple's values as text; None: null."""
        return tuple(self._cell() for _ in range(self.take("H")))

    def _cell(self) -> bytes | None:
        kind = chr(self.take("B"))
        if kind in "nu":
            return None if kind == "n" else _AS_BEFORE
        length = self.take("I")
        self.place += length
        return self.data[self.place - length : self.place]


@dataclass(slots=True)
class Changes:
    """The log of one database from now on. Its server must run with wal_level=logical."""

    connection: psycopg.Connection
    _relations: dict[int, _Relation] = field(default_factory=dict)

    @classmethod
    def of(cls, database: TestDatabase) -> Self:
        """Have every row's former values logged, and begin."""
        connection = psycopg.connect(database.owner_url, autocommit=True)
        for names in connection.execute(_TABLES).fetchall():
            connection.execute(sql.SQL("ALTER TABLE {} REPLICA IDENTITY FULL").format(sql.Identifier(*names)))
        connection.execute("CREATE PUBLICATION fuzz FOR ALL TABLES WITH (publish_generated_columns = stored)")
        connection.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", [_SLOT])
        return cls(connection)

    def close(self) -> None:
        """A slot that stays would keep the log, and the database, for ever."""
        self.connection.execute("SELECT pg_drop_replication_slot(%s)", [_SLOT])
        self.connection.close()

    def place(self) -> int:
        """How far the log has come."""
        row = self.connection.execute("SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint").fetchone()
        assert row is not None
        return int(row[0])

    def read(self) -> list[Change]:
        """Everything committed since this was last asked."""
        # A commit of our own that waits for the disk: where the server lets others not wait, theirs are behind.
        self.connection.execute(
            "BEGIN; SET LOCAL synchronous_commit = on; SELECT pg_logical_emit_message(true, 'fuzz', ''); COMMIT"
        )
        return list(self._decoded())

    def _decoded(self) -> Iterator[Change]:
        at = 0
        for (data,) in self.connection.execute(_DECODE, [_SLOT, _SLOT]).fetchall():
            reader = _Reader(bytes(data))
            match chr(reader.take("B")):
                case "B":
                    at = reader.take("Q")
                case "R":
                    self._learn(reader)
                case "I":
                    relation = self._relations[reader.take("I")]
                    yield Change(relation.name, "insert", frozenset(relation.columns), at)
                case "D":
                    relation = self._relations[reader.take("I")]
                    yield Change(relation.name, "delete", frozenset(relation.columns), at)
                case "U":
                    yield from self._updated(reader, at)
                case "T":
                    yield Change("some table", "truncate", frozenset(), at)

    def _learn(self, reader: _Reader) -> None:
        oid, schema, name, _, count = reader.take("I"), reader.text(), reader.text(), reader.take("B"), reader.take("H")
        columns = []
        for _ in range(count):
            reader.take("B")
            columns.append(reader.text())
            reader.take("I")
            reader.take("i")
        self._relations[oid] = _Relation(f"{schema}.{name}", tuple(columns))

    def _updated(self, reader: _Reader, at: int) -> Iterator[Change]:
        relation = self._relations[reader.take("I")]
        rows: list[Row] = []
        while reader.place < len(reader.data):
            reader.take("B")  # "O" before the old row, "N" before the new
            rows.append(reader.row())
        old, new = rows
        pairs = zip(relation.columns, old, new, strict=True)
        differ = frozenset(name for name, before, after in pairs if after not in (before, _AS_BEFORE))
        if differ:
            yield Change(relation.name, "update", differ, at)
