"""A process that is told to stop under load loses no call: whatever it did, its callers were told."""

import asyncio
import signal
import threading
from pathlib import Path

import httpx
import pytest

from campaigns.crash.callers import Caller, Notes
from tests.support.cluster import TestDatabase
from tests.support.processes import Running, serving
from tests.support.programs import Organizations
from tests.support.told import nothing_was_lost
from tests.support.upstream import Reply, scripted_upstream

pytestmark = [pytest.mark.slow, pytest.mark.requirement("B15")]

CALLERS = 9
SLOW = Reply(chunks=("Once", " upon", " a", " time"), delay_chunk=0.2)


class Fleet:
    """Two processes of the application one after the other, as a rolling restart has them, and callers meanwhile."""

    def __init__(self, first: Running, second: Running, organizations: Organizations) -> None:
        self.notes = Notes()
        self.stop = asyncio.Event()
        self._first, self._second = first, second
        self._customer = organizations.make()
        organizations.grant(self._customer.org_id, "1000000")

    async def restart(self) -> list[int]:
        """Load on the first until it has stopped, then on the second; what `/readyz` of the first said meanwhile."""
        callers = [Caller([self._first.url], self._customer, n, 7, self.notes) for n in range(CALLERS)]
        working = [asyncio.create_task(caller.work(self.stop)) for caller in callers]
        await asyncio.sleep(1.0)
        stopping = threading.Thread(target=self._first.stop, args=(signal.SIGTERM,))
        stopping.start()
        said = await self._readiness()
        await asyncio.to_thread(stopping.join)
        for caller in callers:
            caller.turn_to(self._second.url)
        await asyncio.sleep(0.5)
        self.stop.set()
        await asyncio.gather(*working)
        return said

    async def _readiness(self) -> list[int]:
        said = []
        async with httpx.AsyncClient(trust_env=False) as client:
            while True:
                try:
                    said.append((await client.get(f"{self._first.url}/readyz")).status_code)
                except httpx.TransportError:
                    return said
                await asyncio.sleep(0.05)


async def test_a_rolling_restart_loses_no_call(database: TestDatabase, tmp_path: Path) -> None:
    organizations = Organizations(database)
    with scripted_upstream(SLOW) as upstream:
        environ = {"TESTKASE_MODEL_PORT": str(upstream.port), "TESTKASE_STOP_DELAY_SECONDS": "1"}
        with serving(database, tmp_path, environ) as first, serving(database, tmp_path, environ) as second:
            fleet = Fleet(first, second, organizations)
            said = await fleet.restart()
            assert first.process.returncode == 0, first.output()
    organizations.close()

    assert 503 in said  # it said that it was leaving while it still answered
    assert min(len(fleet.notes.held), len(fleet.notes.charged), len(fleet.notes.answered)) > 5
    nothing_was_lost(fleet.notes, database.owner_url)
