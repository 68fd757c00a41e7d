"""(f) A long journal: how long it takes to add up every balance from it, and to walk its chain from the first entry."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg

from bench.ledger import CREDITS, TOKENS, hold
from bench.server import Server
from testkase.core.ledger.commands import Command, Grant, OpenAccount, SettleHold
from testkase.core.ledger.operations import execute
from testkase.core.ledger.verify import verify
from testkase.foundation.database import SyncDatabase, run

FIRST_ORG = 2_000_000
ORGANIZATIONS = 10
_PAIRS_AT_ONCE = 500

_RECOMPUTED = """
SELECT a.org_id FROM ledger.account AS a
LEFT JOIN (
    SELECT e.org_id, sum(e.available) AS available, sum(e.held) AS held, sum(e.debt) AS debt, count(*) AS entries
    FROM ledger.entry AS e WHERE e.org_id >= %(first)s AND e.org_id < %(end)s GROUP BY e.org_id
) AS e ON e.org_id = a.org_id
WHERE a.org_id >= %(first)s AND a.org_id < %(end)s
  AND (a.available, a.held, a.debt, a.last_seq) IS DISTINCT FROM (e.available, e.held, -e.debt, e.entries)
"""


@dataclass(frozen=True, slots=True)
class Journal:
    """Seconds, and processor seconds of the application and PostgreSQL together."""

    entries: int
    filling: float
    recomputing: float
    recomputing_cpu: float
    verifying: float
    verifying_cpu: float


def measure_journal(server: Server, entries: int) -> Journal:
    """Written by the ledger itself, in batches. Raises RuntimeError where anything deviates."""
    began = time.perf_counter()
    count = 0
    with psycopg.connect(server.app_url, autocommit=True) as connection:
        for commands in _commands(entries):
            count += len(run(connection, execute(commands)))
    server.vacuum()
    filling = time.perf_counter() - began
    recomputing = _timed(server, lambda: _recompute(server))
    verifying = _timed(server, lambda: _verify(server))
    return Journal(count, filling, *recomputing, *verifying)


def _commands(entries: int) -> Iterator[list[Command]]:
    each = max(entries // ORGANIZATIONS // 2, 1)
    for org_id in range(FIRST_ORG, FIRST_ORG + ORGANIZATIONS):
        yield [
            OpenAccount(org_id=org_id, monthly_allowance=0, ai_enabled=True),
            Grant(org_id=org_id, grant_id="bench", amount=CREDITS),
        ]
        for first in range(0, each, _PAIRS_AT_ONCE):
            holds = [hold(org_id, f"j{first + n}") for n in range(min(_PAIRS_AT_ONCE, each - first))]
            yield [*holds, *(SettleHold(org_id=org_id, hold_id=one.hold_id, tokens=TOKENS) for one in holds)]


def _timed(server: Server, work: Callable[[], None]) -> tuple[float, float]:
    cpu, began = time.process_time() + server.cpu_seconds(), time.perf_counter()
    work()
    return time.perf_counter() - began, time.process_time() + server.cpu_seconds() - cpu


def _recompute(server: Server) -> None:
    with psycopg.connect(server.owner_url) as owner:
        bounds = {"first": FIRST_ORG, "end": FIRST_ORG + ORGANIZATIONS}
        if differing := owner.execute(_RECOMPUTED, bounds).fetchall():
            raise RuntimeError(f"balances differ from their journals: {differing}")


def _verify(server: Server) -> None:
    database = SyncDatabase(server.app_url)
    try:
        for org_id in range(FIRST_ORG, FIRST_ORG + ORGANIZATIONS):
            if found := database.read(verify(org_id), org_id=org_id):
                raise RuntimeError(f"the books deviate: {found}")
    finally:
        database.close()
