"""The way to PostgreSQL: statements as values, operations as generators of statements, two small drivers that run them.

An operation is written once:

    def rename(org_id: int, name: str) -> Operation[None]:
        rows = yield Statement("SELECT …", {"org_id": org_id})
        yield Statement("UPDATE …", {"org_id": org_id, "name": name})

and runs inside Django's transaction (`run`) or on the event loop (`run_async`). Neither driver commits: the transaction
belongs to whoever opened it. JSON columns are selected as text and decoded with msgspec, so that the result does not
depend on which adapters a connection has registered.
"""

from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, LiteralString, TypeVar, cast

from psycopg import AsyncConnection, Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq.abc import PGresult
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from testkase.foundation.composites import Rows

T = TypeVar("T")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement and its parameters."""

    sql: LiteralString
    params: Mapping[str, Any] | None = None


Operation = Generator[Statement, list[Row], T]


def run(connection: Connection[Any], operation: Operation[T]) -> T:
    """Run an operation on a connection, inside whatever transaction is open there."""
    rows: list[Row] | None = None
    with connection.cursor(row_factory=dict_row) as cursor:
        while True:
            try:
                statement = operation.send(cast(Any, rows))
            except StopIteration as done:
                return cast(T, done.value)
            cursor.execute(statement.sql, _bound(statement))
            rows = cursor.fetchall() if _has_rows(cursor.pgresult) else []


async def run_async(connection: AsyncConnection[Any], operation: Operation[T]) -> T:
    """Run an operation on an asynchronous connection, inside whatever transaction is open there."""
    rows: list[Row] | None = None
    async with connection.cursor(row_factory=dict_row) as cursor:
        while True:
            try:
                statement = operation.send(cast(Any, rows))
            except StopIteration as done:
                return cast(T, done.value)
            await cursor.execute(statement.sql, _bound(statement))
            rows = await cursor.fetchall() if _has_rows(cursor.pgresult) else []


def _has_rows(result: PGresult | None) -> bool:
    """Whether the statement answers rows, be they none. Asking the cursor would describe every column of them."""
    return result is not None and result.nfields > 0


def _bound(statement: Statement) -> Mapping[str, Any] | None:
    """The parameters as every driver takes them, whether it binds them at the server or puts them into the text."""
    if statement.params is None:
        return None
    return {name: str(value) if isinstance(value, Rows) else value for name, value in statement.params.items()}


SET_TENANT = Statement("SELECT set_config('app.org_id', %(org_id)s, true)")
"""Row-level security shows the rows of this organization until the transaction ends; without it, none."""


_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


def tenant(org_id: int) -> Statement:
    """The statement that makes one organization's rows visible until the transaction ends."""
    return Statement(SET_TENANT.sql, {"org_id": str(org_id)})


POOL_SECONDS = 10
"""How long a caller waits for a connection, and a pool goes on with a try that failed before it begins another. It
pauses twice as long after each failure: with its usual five minutes, a database that was away for two of them came back
to a pool that did not look for two more."""

_SILENCE = {"connect_timeout": 8, "tcp_user_timeout": 10_000}
"""In seconds and milliseconds. A machine that is gone for good refuses nothing: without these a pool waits two minutes
for it to open a connection, and a quarter of an hour for an answer on one that was open."""


def with_patience(url: str) -> dict[str, Any]:
    """What to connect with beside the address, which may itself say how long to wait."""
    said = conninfo_to_dict(url)
    return {name: value for name, value in _SILENCE.items() if name not in said}


class Database:
    """A pool of asynchronous connections as the application role."""

    def __init__(self, url: str, *, max_size: int = 8) -> None:
        self.url = url
        self.pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=max_size,
            open=False,
            kwargs=with_patience(url),
            name="testkase",
            timeout=POOL_SECONDS,
            reconnect_timeout=POOL_SECONDS,
            # One empty round trip: without it each connection of before a database restart fails one request.
            check=AsyncConnectionPool.check_connection,
        )

    async def open(self) -> None:
        await self.pool.open(wait=True, timeout=30)

    async def close(self) -> None:
        await self.pool.close()

    @asynccontextmanager
    async def transaction(self, org_id: int | None = None) -> AsyncIterator[AsyncConnection[Any]]:
        """A transaction, seeing one organization's rows (or, without one, only the directories)."""
        async with self.pool.connection() as connection, connection.transaction():
            if org_id is not None:
                await connection.execute(SET_TENANT.sql, {"org_id": str(org_id)})
            yield connection

    async def run(self, operation: Operation[T], *, org_id: int | None = None) -> T:
        """One operation in a transaction of its own."""
        async with self.transaction(org_id) as connection:
            return await run_async(connection, operation)


class SyncDatabase:
    """The same for synchronous callers outside Django: the command line and tests."""

    def __init__(self, url: str, *, max_size: int = 4) -> None:
        self.url = url
        self.pool: ConnectionPool[Connection[Any]] = ConnectionPool(
            url,
            min_size=0,
            max_size=max_size,
            open=True,
            kwargs=with_patience(url),
            check=ConnectionPool.check_connection,
        )

    def close(self) -> None:
        self.pool.close()

    @contextmanager
    def transaction(self, org_id: int | None = None) -> Iterator[Connection[Any]]:
        """A transaction, seeing one organization's rows (or, without one, only the directories)."""
        with self.pool.connection() as connection, connection.transaction():
            if org_id is not None:
                connection.execute(SET_TENANT.sql, {"org_id": str(org_id)})
            yield connection

    def run(self, operation: Operation[T], *, org_id: int | None = None) -> T:
        """One operation in a transaction of its own."""
        with self.transaction(org_id) as connection:
            return run(connection, operation)

    def read(self, operation: Operation[T], *, org_id: int) -> T:
        """One operation that sees one consistent state, however long it reads and whatever is written meanwhile."""
        with self.pool.connection() as connection, connection.transaction():
            connection.execute(_SNAPSHOT)
            connection.execute(SET_TENANT.sql, {"org_id": str(org_id)})
            return run(connection, operation)


def named_statements(package: str, file: str) -> dict[str, LiteralString]:
    """The statements of a `.sql` file: each begins with a line `-- name: one sentence of comment`."""
    text = files(package).joinpath(file).read_text(encoding="utf-8")
    statements: dict[str, LiteralString] = {}
    name = ""
    for line in text.splitlines(keepends=True):
        if line.startswith("-- ") and ": " in line and line[3 : line.index(": ")].isidentifier():
            name = line[3 : line.index(": ")]
            statements[name] = cast(LiteralString, "")
        elif name:
            statements[name] = cast(LiteralString, statements[name] + line)
    return statements
