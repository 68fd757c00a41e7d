"""A process that is told to stop under load loses no call: whatever it did, its callers were told."""

import asyncio
import json
import signal
import threading
from pathlib import Path

import httpx
import psycopg
import pytest

from campaigns.crash.callers import Caller, Notes
from campaigns.oracle import deviations
from testkase.config.backups.owner import embedded, started
from testkase.config.bootstrap import make_database
from testkase.config.secrets_file import load_or_make
from testkase.core.ledger.credits import MICRO
from tests.support.cluster import TestDatabase
from tests.support.installation import NO_MODEL, installed
from tests.support.processes import Running, serving
from tests.support.programs import Organization, Organizations
from tests.support.upstream import Reply, scripted_upstream

pytestmark = [pytest.mark.slow, pytest.mark.requirement("B15")]

CALLERS = 9
SLOW = Reply(chunks=("Once", " upon", " a", " time"), delay_chunk=0.2)
SUMS = """
    SELECT count(*) FILTER (WHERE kind = 'hold' AND operation_id LIKE 'hold:c%%'),
           count(*) FILTER (WHERE kind = 'settle' AND operation_id LIKE 'resolution:c%%'),
           count(*) FILTER (WHERE kind = 'settle' AND operation_id NOT LIKE 'resolution:c%%'),
           coalesce(sum(used), 0)
    FROM ledger.entry
"""
"""Calls of programs have ids of their own; completions have ids the meter made."""


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


async def test_an_installation_told_to_stop_answers_what_it_has_begun(tmp_path: Path) -> None:
    notes, stop, data = Notes(), asyncio.Event(), tmp_path / "var"
    with installed(data, **NO_MODEL) as running:
        key = json.loads((data / "demo.json").read_text())["api_key"]
        callers = [Caller([running.url], Organization(0, key), number, 7, notes) for number in (1, 2, 4, 5)]
        working = [asyncio.create_task(caller.work(stop)) for caller in callers]
        await asyncio.sleep(1.0)
        assert await asyncio.to_thread(running.stop) == 0
    await asyncio.sleep(0.2)
    for task in working:  # nobody is left who could answer them
        task.cancel()
    await asyncio.gather(*working, return_exceptions=True)

    server = embedded(data, load_or_make(data))
    with started(server):
        assert len(notes.charged) > 5
        nothing_was_lost(notes, make_database(server.url(), "testkase"))


def nothing_was_lost(notes: Notes, owner_url: str) -> None:
    """The ledger has what callers were told, and nothing they were not told."""
    assert notes.faults == []
    assert notes.committed_unheard == 0
    with psycopg.connect(owner_url) as connection:
        (held, charged, completed, used) = connection.execute(SUMS).fetchone() or ()
    assert (held, charged, completed) == (len(notes.held), len(notes.charged), len(notes.answered))
    assert used == MICRO * (sum(notes.charged.values()) + sum(notes.answered.values()))
    assert deviations(owner_url) == []
