"""The runaway guard, every few seconds: looks at the organizations that posted something since it last looked."""

import psycopg
import structlog

from testkase.entrypoints.worker.repeating import keep_at
from testkase.foundation.database import Database
from testkase.services.metering.limits.guard import WINDOW_SECONDS, Burn
from testkase.services.metering.limits.watching import active_accounts, judge, now_there, suspects

EVERY_SECONDS = 5.0
OVERLAP_SECONDS = 30
"""An entry may be committed a while after its instant."""
AT_ONCE = 1_000
AFTER_FAULT_SECONDS = 10.0
_MICRO = 1_000_000

_log = structlog.get_logger(__name__)


class Guard:
    """One a worker process; several pause nobody twice."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looked_at: int | None = None

    async def run(self) -> None:
        """Watch until cancelled."""
        await keep_at(self._step, complaint="the runaway guard could not look", after_fault=AFTER_FAULT_SECONDS)

    async def _step(self) -> float:
        await self.look()
        return EVERY_SECONDS

    async def look(self) -> int:
        """Look once; answers how many were paused."""
        now = await self._database.run(now_there())
        looked_at = now - WINDOW_SECONDS * _MICRO if self._looked_at is None else self._looked_at
        since, after, paused = looked_at - OVERLAP_SECONDS * _MICRO, 0, 0
        while found := await self._database.run(active_accounts(since, after=after, limit=AT_ONCE)):
            for org_id in found:
                paused += await self._look_at(org_id, now)
            after = found[-1]
        self._looked_at = now
        return paused

    async def _look_at(self, org_id: int, now: int) -> int:
        try:
            found = await self._database.run(suspects(org_id, now), org_id=org_id)
        except psycopg.OperationalError:
            raise  # the database is away: for all of them
        except Exception as fault:  # noqa: BLE001 - one organization in trouble must not leave the others unguarded
            _log.error("an organization could not be guarded", org_id=org_id, fault=type(fault).__name__)
            return 0
        return sum([await self._judge(org_id, burn, now) for burn in found])

    async def _judge(self, org_id: int, burn: Burn, now: int) -> bool:
        try:
            paused = await self._database.run(judge(org_id, burn, now), org_id=org_id)
        except psycopg.OperationalError:
            raise
        except Exception as fault:  # noqa: BLE001 - nor must one burn let the others of its organization go on
            _log.error("a burn could not be judged", org_id=org_id, kind=burn.kind, fault=type(fault).__name__)
            return False
        if paused:
            _log.warning("paused", org_id=org_id, kind=burn.kind, burned=burn.burned)
        return paused
