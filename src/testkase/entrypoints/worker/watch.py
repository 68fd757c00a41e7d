"""Watching balances: which organizations have new entries, and what their people must be told of them.

An idle system costs one look at a small index every second and a half. Any number of workers may watch at once.
"""

import time
from pathlib import Path

import psycopg
import structlog

from testkase.core.pricing import PriceBooks, load_price_books
from testkase.entrypoints.worker.repeating import keep_at
from testkase.foundation.clock import utc_now
from testkase.foundation.database import Database, Operation
from testkase.services.notifications.beyond import tell_of_cap
from testkase.services.notifications.foresight import foresee
from testkase.services.notifications.watching import pass_quiet, unwatched, watch_organization

EVERY_SECONDS = 1.5
PASSED_AT_ONCE = 5_000
"""Organizations in which nothing happened but spending: one statement moves the watch on for all of them."""
AT_ONCE = 500
"""Organizations that are read one by one."""
OVERLAP_SECONDS = 90.0
"""An entry may be committed a while after its instant: a long transaction, or something that fell due a minute ago."""
SWEEP_SECONDS = 300.0
"""So often all organizations are looked at, whenever they were written to: the journal may hold entries of long ago."""
AFTER_FAULT_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class BalanceWatch:
    """One a worker process."""

    def __init__(self, database: Database, price_book: Path | None) -> None:
        self._database = database
        self._books: PriceBooks = load_price_books(price_book)
        self._looked_at = 0.0
        self._swept_at = float("-inf")

    async def run(self) -> None:
        """Watch until cancelled."""
        await keep_at(self._step, complaint="balances could not be watched", after_fault=AFTER_FAULT_SECONDS)

    async def _step(self) -> float:
        return 0.05 if await self.look() else EVERY_SECONDS

    async def look(self) -> bool:
        """One look; whether there were more organizations than are taken at once."""
        now = time.monotonic()
        sweep = now - self._swept_at > SWEEP_SECONDS
        within = None if sweep else now - self._looked_at + OVERLAP_SECONDS
        passed = await self._database.run(pass_quiet(within_seconds=within, limit=PASSED_AT_ONCE))
        found = await self._database.run(unwatched(within_seconds=within, limit=AT_ONCE))
        for org_id in found:
            await self._read_on(org_id)
        full = passed == PASSED_AT_ONCE or len(found) == AT_ONCE
        if not full:
            self._looked_at = now
            self._swept_at = now if sweep else self._swept_at
        return full

    async def _read_on(self, org_id: int) -> None:
        try:
            while await self._database.run(self._watched(org_id), org_id=org_id):
                continue
        except psycopg.OperationalError:
            raise  # the database is away: for all of them
        except Exception:  # noqa: BLE001 - one organization in trouble must not keep the others' people from being told
            _log.exception("a balance could not be watched", org_id=org_id)

    def _watched(self, org_id: int) -> Operation[bool]:
        """One transaction; whether there is more to read."""
        stand = yield from watch_organization(org_id)
        if stand is None:
            return False
        if not stand.behind:
            instant = utc_now()
            now = int(instant.timestamp() * 1_000_000)
            yield from tell_of_cap(org_id, stand)
            yield from foresee(org_id, stand, self._books.at(instant), now=now)
        return stand.behind
