"""A batch's conversation with PostgreSQL: load, then append, in one implicit transaction of two round trips; or, where
it was decided from memory, one statement in one round trip.

Spoken through libpq's pipeline mode rather than through cursors: a lone command spends most of its time here, and
statements that never change need neither adaptation nor a BEGIN. Any error but Stale leaves the connection unusable:
close it.
"""

import asyncio
import re
from collections.abc import Mapping
from typing import Any, Self

from psycopg import AsyncConnection, Error, OperationalError
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from testkase.core.ledger.reading import LOAD
from testkase.core.ledger.writing import APPEND, APPEND_KNOWN, APPEND_ONE
from testkase.foundation.composites import Rows
from testkase.foundation.database import Row, Statement

_OPTIONS = "-c lock_timeout=5000 -c statement_timeout=7000 -c synchronous_commit=on"
_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_STATEMENTS = {b"load": LOAD, b"append": APPEND, b"append_known": APPEND_KNOWN, b"append_one": APPEND_ONE}
_NAMES = {sql: name for name, sql in _STATEMENTS.items()}
_PARAMETERS = {name: list(dict.fromkeys(_PLACEHOLDER.findall(sql))) for name, sql in _STATEMENTS.items()}

_STALE = frozenset({"TK001", "23505"})
"""Raised by ledger.append_known and append_one, and where an id was used before."""


class Stale(Exception):
    """What was decided from memory does not fit what is there. Nothing was written."""


_TYPES = "SELECT typname::text, oid::bigint FROM pg_type WHERE typtype = 'c' AND typnamespace = 'ledger'::regnamespace"
"""The numbers by which the binary form of rows names their types."""


class Conversation:
    """One connection, used by one task."""

    def __init__(self, connection: AsyncConnection[Any], types: Mapping[str, int]) -> None:
        self._connection = connection
        self._types = types
        self._libpq: PGconn = connection.pgconn
        self._socket = self._libpq.socket
        self._loop = asyncio.get_running_loop()
        self._heard: asyncio.Future[None] | None = None
        """Done when PostgreSQL has said a whole result, or will say nothing any more."""
        self._listening = True
        self._writable: asyncio.Future[None] | None = None
        self._loop.add_reader(self._socket, self._hear)

    @classmethod
    async def open(cls, database_url: str) -> Self:
        """Raises psycopg.OperationalError when the database cannot be reached."""
        connection = await AsyncConnection.connect(
            database_url, options=_OPTIONS, application_name="testkase-ledger", autocommit=True
        )
        types: list[tuple[str, int]] = await (await connection.execute(_TYPES)).fetchall()
        self = cls(connection, dict(types))
        try:
            self._libpq.enter_pipeline_mode()
            for name, sql in _STATEMENTS.items():
                self._libpq.send_prepare(name, _numbered(sql, _PARAMETERS[name]))
            await self._synchronize()
        except BaseException:
            await self.close()
            raise
        return self

    async def close(self) -> None:
        self._let_go()
        await self._connection.close()

    def _let_go(self) -> None:
        """Of the socket, once: libpq closes that of a connection that is gone, and its number is soon another's."""
        if self._listening:
            self._listening = False
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)

    async def load(self, statement: Statement) -> list[Row]:
        """Begin the transaction, and have the rows that are locked now. Values are the bytes of their text."""
        self._send(statement)
        self._libpq.send_flush_request()
        await self._flush()
        result = await self._next()
        if await self._next() is not None or result is None:
            raise RuntimeError("a statement has one result")
        names = [result.fname(column) or b"" for column in range(result.nfields)]
        return [
            {name.decode(): result.get_value(row, column) for column, name in enumerate(names)}
            for row in range(result.ntuples)
        ]

    async def append(self, statement: Statement | None) -> None:
        """Write what was decided and commit, or only end the transaction. Returns once it is durable."""
        if statement is not None:
            self._send(statement)
        await self._synchronize()

    async def append_known(self, statement: Statement) -> int:
        """Write what was decided from memory and commit. Returns the database's clock once it is durable. Raises
        Stale."""
        self._send(statement)
        try:
            result = await self._synchronize()
        except Error as error:
            if error.sqlstate in _STALE:
                raise Stale from error
            raise
        assert result is not None
        return int(result.get_value(0, 0) or 0)

    def _send(self, statement: Statement) -> None:
        name, given = _NAMES[statement.sql], statement.params or {}
        values = [given[parameter] for parameter in _PARAMETERS[name]]
        self._libpq.send_query_prepared(
            name, [self._encoded(value) for value in values], [int(isinstance(value, Rows)) for value in values]
        )

    def _encoded(self, value: object) -> bytes | None:
        if isinstance(value, Rows):
            return value.binary(self._types[value.type])
        return None if value is None else str(value).encode()

    async def _synchronize(self) -> PGresult | None:
        """The transaction ends here: committed, or undone where a statement failed, which is then raised. Answers what
        the last statement did."""
        self._libpq.pipeline_sync()
        await self._flush()
        answered: list[PGresult] = []
        while not answered or answered[-1].status != ExecStatus.PIPELINE_SYNC:
            if (result := await self._result()) is not None:
                answered.append(result)
        for result in answered:
            if result.status == ExecStatus.FATAL_ERROR:
                raise error_from_result(result)
        return answered[-2] if len(answered) > 1 else None

    async def _flush(self) -> None:
        """Send everything. What PostgreSQL says meanwhile is taken in, or both sides would wait for each other."""
        while self._libpq.flush():
            if not self._listening:
                raise OperationalError("the connection to PostgreSQL was lost")
            self._writable = self._loop.create_future()
            self._loop.add_writer(self._socket, _finish, self._writable)
            try:
                await self._writable
            finally:
                if self._listening:
                    self._loop.remove_writer(self._socket)

    async def _next(self) -> PGresult | None:
        """The next result; None ends the results of one statement. Raises what PostgreSQL refused."""
        result = await self._result()
        if result is not None and result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)
        return result

    async def _result(self) -> PGresult | None:
        """The same, where what was refused is a result too."""
        while self._libpq.is_busy():
            self._heard = self._loop.create_future()
            await self._heard
        result = self._libpq.get_result()
        if self._libpq.status == ConnStatus.BAD:
            raise OperationalError("the connection to PostgreSQL was lost")
        return result

    def _hear(self) -> None:
        """Take in what has come. The socket of a connection that is gone stays readable for ever: it is let go of."""
        try:
            self._libpq.consume_input()
            done = not self._libpq.is_busy()
        except OperationalError as error:
            self._let_go()
            for waiting in (self._heard, self._writable):
                if waiting is not None and not waiting.done():
                    waiting.set_exception(error)
            return
        if done and self._heard is not None:
            _finish(self._heard)


def _finish(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _numbered(sql: str, parameters: list[str]) -> bytes:
    """Named placeholders as $1, $2, … in the order of the parameters."""
    return _PLACEHOLDER.sub(lambda found: f"${parameters.index(found[1]) + 1}", sql).encode()
