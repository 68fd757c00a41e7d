"""A batch's conversation with PostgreSQL: load, then append, in one implicit transaction of two round trips; or, where
it was decided from memory, one statement in one round trip.

Spoken through libpq's pipeline mode rather than through cursors: a lone command spends most of its time here, and
statements that never change need neither adaptation nor a BEGIN. An error of what took two round trips leaves the
connection unusable: close it. One of what was decided from memory is that statement's alone, unless it may be the
connection's: then that is closed when all that was on its way is answered.
"""

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

from psycopg import AsyncConnection, Error, OperationalError
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGconn, PGresult

from testkase.core.ledger.reading import LOAD
from testkase.core.ledger.writing import APPEND, APPEND_ONE
from testkase.foundation.composites import Rows
from testkase.foundation.database import Row, Statement

_OPTIONS = "-c lock_timeout={} -c statement_timeout=7000 -c synchronous_commit=on"

PATIENCE_MS = 5_000
"""How long to wait for rows that somebody else has locked, before the batch is taken apart."""

IMPATIENCE_MS = 50
"""The same on a connection on which others wait behind."""

SILENCE_SECONDS = 8
"""A PostgreSQL that says nothing for so long is treated like one that is gone: callers must not hang with it. Longer
than it waits for a lock itself, or works on a statement."""

_PLACEHOLDER = re.compile(r"%\((\w+)\)s")
_STATEMENTS = {b"load": LOAD, b"append": APPEND, b"append_one": APPEND_ONE}
_NAMES = {sql: name for name, sql in _STATEMENTS.items()}
_PARAMETERS = {name: list(dict.fromkeys(_PLACEHOLDER.findall(sql))) for name, sql in _STATEMENTS.items()}

_LOCKED = "55P03"
_STALE = frozenset({"TK001", "23505", _LOCKED})
"""Raised by ledger.append_many and append_one, where an id was used before, and where rows are locked for long."""

_OF_THE_STATEMENT = ("22", "23", "40", "42501", "54", "55", "57014")
"""How the codes of errors begin that are about what was to be written, or that it took too long. Any other may be about
the connection: one that was made before a migration, or to a server that may not write any more."""


class Stale(Exception):
    """What was decided from memory does not fit what is there. Nothing was written."""


class HeldUp(Stale):
    """Or nobody knows whether it does: somebody else has the rows."""


_TYPES = "SELECT typname::text, oid::bigint FROM pg_type WHERE typtype = 'c' AND typnamespace = 'ledger'::regnamespace"
"""The numbers by which the binary form of rows names their types."""


class _Exchange(NamedTuple):
    """What was sent, and what came back."""

    answered: "asyncio.Future[None]"
    results: list[PGresult]
    ends: bool
    """The transaction ends with it. If not, it is one statement."""


class Conversation:
    """One connection. Any number of statements that commit by themselves may be on their way at once (`append_known`);
    what takes two round trips has the connection for itself."""

    def __init__(self, connection: AsyncConnection[Any], types: Mapping[str, int]) -> None:
        self._connection = connection
        self._types = types
        self._libpq: PGconn = connection.pgconn
        self._socket = self._libpq.socket
        self._loop = asyncio.get_running_loop()
        self._under_way: deque[_Exchange] = deque()
        """In the order in which PostgreSQL answers them."""
        self._writing = False
        self._heard_at = 0.0
        """When it last answered, or had nothing to answer, on the loop's clock."""
        self._watch: asyncio.TimerHandle | None = None
        self.is_open = True
        """Until it is closed or lost."""
        self.is_sound = True
        """Until it answers an error that may be the connection's own. What is on its way is still answered."""
        self._loop.add_reader(self._socket, self._hear)

    @classmethod
    async def open(cls, database_url: str, *, patience_ms: int = PATIENCE_MS) -> Self:
        """Raises psycopg.OperationalError when the database cannot be reached."""
        connection = await AsyncConnection.connect(
            database_url, options=_OPTIONS.format(patience_ms), application_name="testkase-ledger", autocommit=True,
            connect_timeout=SILENCE_SECONDS,
        )  # fmt: skip
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

    @property
    def takes_more(self) -> bool:
        return self.is_open and self.is_sound

    async def close(self) -> None:
        self._lose(OperationalError("the connection to PostgreSQL was closed"))
        await self._connection.close()

    async def load(self, statement: Statement) -> list[Row]:
        """Begin the transaction, and have the rows that are locked now. Values are the bytes of their text."""
        self._send(statement)
        self._libpq.send_flush_request()
        (result,) = await self._exchange(ends=False)
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
        Stale. It is on its way once this is first awaited."""
        self._send(statement)
        try:
            (result,) = await self._synchronize()
        except Error as error:
            if error.sqlstate in _STALE:
                raise (HeldUp if error.sqlstate == _LOCKED else Stale) from error
            if not (error.sqlstate or "").startswith(_OF_THE_STATEMENT):
                self.is_sound = False  # whatever those behind it say
            raise
        finally:
            if not self.is_sound and not self._under_way:
                await self.close()
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

    async def _synchronize(self) -> list[PGresult]:
        """The transaction ends here: committed, or undone where a statement failed, which is then raised."""
        self._libpq.pipeline_sync()
        return await self._exchange(ends=True)

    async def _exchange(self, *, ends: bool) -> list[PGresult]:
        """The results of what was sent since the last one. Raises what PostgreSQL refused."""
        if not self.is_open:
            raise OperationalError("the connection to PostgreSQL was lost")
        one = _Exchange(self._loop.create_future(), [], ends)
        if not self._under_way:
            self._heard_at = self._loop.time()
        if self._watch is None:
            self._watch = self._loop.call_later(SILENCE_SECONDS, self._look)
        self._under_way.append(one)
        self._flush()
        await one.answered
        for result in one.results:
            if result.status == ExecStatus.FATAL_ERROR:
                raise error_from_result(result)
        return one.results

    def _flush(self) -> None:
        """Send what the socket takes, and the rest when it takes more. Where it does not take all, libpq takes in what
        has come: the socket would not say so any more."""
        try:
            left = self._libpq.flush() != 0
            self._tell()
        except OperationalError as error:
            self._lose(error)
            return
        if left != self._writing:
            self._writing = left
            if left:
                self._loop.add_writer(self._socket, self._flush)
            else:
                self._loop.remove_writer(self._socket)

    def _hear(self) -> None:
        """Take in what has come, and tell who waits for it."""
        try:
            self._libpq.consume_input()
            self._tell()
        except OperationalError as error:
            self._lose(error)

    def _tell(self) -> None:
        while self._under_way and not self._libpq.is_busy():
            self._take_in(self._libpq.get_result())

    def _take_in(self, result: PGresult | None) -> None:
        """None ends the results of one statement."""
        if self._libpq.status == ConnStatus.BAD:
            raise OperationalError("the connection to PostgreSQL was lost")
        self._heard_at = self._loop.time()
        first = self._under_way[0]
        if result is not None and result.status != ExecStatus.PIPELINE_SYNC:
            first.results.append(result)
        elif result is not None or not first.ends:
            self._under_way.popleft()
            _finish(first.answered)

    def _look(self) -> None:
        """Whether it still answers. What came while this process stood still is taken in first."""
        self._watch = None
        self._hear()
        quiet = self._loop.time() - self._heard_at
        if self._under_way and quiet >= SILENCE_SECONDS:
            self._lose(OperationalError("PostgreSQL did not answer in time"))
        elif self._under_way:
            self._watch = self._loop.call_later(SILENCE_SECONDS - quiet, self._look)

    def _lose(self, error: OperationalError) -> None:
        """Nobody is answered any more. The socket of a connection that is gone stays readable for ever, and its number
        is soon another's: it is let go of, once. libpq may have closed it: asyncio's loop forgets it all the same."""
        if self.is_open:
            self.is_open = False
            if self._watch is not None:
                self._watch.cancel()
            for let_go in (self._loop.remove_reader, self._loop.remove_writer):
                with contextlib.suppress(OSError):
                    let_go(self._socket)
        while self._under_way:
            answered = self._under_way.popleft().answered
            if not answered.done():
                answered.set_exception(error)


def _finish(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def _numbered(sql: str, parameters: list[str]) -> bytes:
    """Named placeholders as $1, $2, … in the order of the parameters."""
    return _PLACEHOLDER.sub(lambda found: f"${parameters.index(found[1]) + 1}", sql).encode()
