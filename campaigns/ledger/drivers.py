"""Both ways into PostgreSQL, for stories that are told to both."""

import asyncio
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from campaigns.ledger.rows import Rows
from testkase.core.ledger import commands as ask
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.neighbours import Neighbours
from testkase.core.ledger.operations import Outcome, execute
from testkase.foundation.database import SyncDatabase
from tests.support.cluster import TestDatabase

PAST_THE_ENGINE = 6
"""At an instant, one organization of so many is served past the engine."""

ASKED = 3
"""At one instant of so many, the engine is asked by another one beside it."""

CUT = 15
"""At one instant of so many, the engine's connections are cut while its batches are under way."""

_CUT = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'testkase-ledger' AND datname = current_database()
"""

_EMPTY = """
    TRUNCATE ledger.account, ledger.lot, ledger.open_hold, ledger.entry, ledger.operation, ledger.usage,
        ledger.usage_day, ledger.budget, ledger.pause, ledger.usage_closed, ledger.usage_part_day,
        ledger.usage_part_period
"""


class Drivers:
    """Both ways into PostgreSQL, each with a database of its own."""

    def __init__(self, sync: TestDatabase, asynchronous: TestDatabase) -> None:
        self.databases = {"the synchronous driver": sync, "the engine": asynchronous}
        self.now = 0
        self.restarts = 0
        self.from_memory = self.refuted = 0
        """Batches the engine wrote from memory, and those that memory was wrong about."""
        self.cuts = 0
        """Times its connections were cut under it."""
        self.was_cut = False
        """At the last batch."""
        self._runner = asyncio.Runner()
        self._owners = {
            name: psycopg.connect(database.owner_url, autocommit=True) for name, database in self.databases.items()
        }
        self.rows = {name: Rows(owner) for name, owner in self._owners.items()}
        self._open()

    def tell(self, commands: Sequence[ask.Command], now: int) -> Iterator[tuple[str, list[Outcome]]]:
        """What each driver answers to one batch."""
        self.now, self.was_cut = now, False
        yield "the synchronous driver", self._books.run(execute(commands, clock=now))
        yield "the engine", list(self._by_the_engine(commands, now))

    def _by_the_engine(self, commands: Sequence[ask.Command], now: int) -> Iterator[Outcome]:
        """First what goes past it. Who that is, is the same when a story is told again alone."""
        past = [zlib.crc32(f"{command.org_id}/{now}".encode()) % PAST_THE_ENGINE == 0 for command in commands]
        aside = [command for command, goes_past in zip(commands, past, strict=True) if goes_past]
        rest = [command for command, goes_past in zip(commands, past, strict=True) if not goes_past]
        elsewhere = iter(self._elsewhere.run(execute(aside, clock=now)) if aside else ())
        here = iter(self._runner.run(self._submitted(rest, zlib.crc32(f"cut {now}".encode()))) if rest else ())
        return (next(elsewhere if goes_past else here) for goes_past in past)

    async def _submitted(self, commands: Sequence[ask.Command], dice: int) -> list[Outcome]:
        """Sooner or later cut off, at times."""
        engine = self._asking if dice // CUT // 8 % ASKED == 0 else self._engine
        engine.heads.share({command.org_id for command in commands})
        telling = asyncio.ensure_future(engine.submit_many(commands))
        self.was_cut = dice % CUT == 0
        if self.was_cut:
            self.cuts += 1
            for _ in range(dice // CUT % 8):
                await asyncio.sleep(0)
            await asyncio.to_thread(self._owners["the engine"].execute, _CUT)
        return await telling

    def reopen(self) -> None:
        """A restart: nothing is remembered that is not in a row."""
        self.restarts += 1
        self._shut()
        self._open()

    def empty(self) -> None:
        for name, owner in self._owners.items():
            owner.execute(_EMPTY)
            self.rows[name].forget()
        self._shut()
        self._open()

    def close(self) -> None:
        self._shut()
        self._runner.close()
        for owner in self._owners.values():
            owner.close()

    def _open(self) -> None:
        sync, asynchronous = self.databases.values()
        self._books = SyncDatabase(sync.app_url, max_size=1)
        self._elsewhere = SyncDatabase(asynchronous.app_url, max_size=1)
        self._folder = TemporaryDirectory(prefix="tk-", dir="/tmp")  # where the paths of sockets are short
        beside = [Neighbours(Path(self._folder.name) / "engines", writes=writes) for writes in (True, False)]
        self._engine, self._asking = (
            Engine(asynchronous.app_url, clock=lambda: self.now, neighbours=neighbours) for neighbours in beside
        )
        self._engine.heads.doubt_seconds = 0.0  # of many organizations one is refused in nearly every batch
        self._engine.heads.worth_apart = 1
        self._runner.run(self._engine.start())
        self._runner.run(self._asking.start())

    def _shut(self) -> None:
        self._runner.run(self._asking.stop())
        self._runner.run(self._engine.stop())
        self._folder.cleanup()
        self.from_memory += self._engine.heads.confirmed
        self.refuted += self._engine.heads.refuted
        self._books.close()
        self._elsewhere.close()
