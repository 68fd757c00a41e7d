"""Crash: kill -9 of the application in the middle of streams, of PostgreSQL and of the worker, under load, again and
again. There are two processes of the application, so that while one comes up the next victim is already under load.

Nothing acknowledged may be lost, nothing may happen twice, holds nobody resolved must return in time, and the books
must be right. What was acknowledged is known from the callers' own notes (callers.py), not from what the product keeps.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import LiteralString

import psycopg
from psycopg import sql

from campaigns.campaign import Campaign, Tick, unheard
from campaigns.crash.callers import Caller, Notes
from campaigns.crash.world import World, world
from campaigns.oracle import deviations
from campaigns.outcome import Outcome
from testkase.core.ledger.commands import Touch
from testkase.core.ledger.credits import MAX_MICROCREDITS, MICRO
from testkase.core.ledger.limits.commands import SetBudget
from testkase.core.ledger.limits.model import Scope
from testkase.core.ledger.operations import execute_one
from testkase.foundation.database import SyncDatabase
from testkase.services.audit import OPERATOR
from testkase.services.metering.limits.setting import set_guard
from tests.support.programs import Organization, Organizations
from tests.support.wire import Wire

CALLERS = 12
VICTIMS = ("app", "PostgreSQL", "worker")
ORGANIZATIONS = 3
GATEWAY_TTL_SECONDS = 60
"""How long metering's holds live when the process that renews them is gone."""

LONGEST_TTL_SECONDS = 300


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """So many kills, then a minute of waiting for what the killed left behind."""
    with world() as doomed:
        return asyncio.run(crash(doomed, kills=size, seed=seed, wait=True, tick=tick))


CRASH = Campaign(
    name="crash", about="kill -9 of application, PostgreSQL and worker under load: nothing lost, nothing twice",
    counts="kills", full=1_000, small=20, run=run,
)  # fmt: skip


async def crash(world: World, *, kills: int, seed: int, wait: bool, tick: Tick = unheard) -> Outcome:
    """`wait`: let the holds of killed streams lapse by the clock; otherwise all holds by a clock set forward."""
    dice = random.Random(seed)
    notes = Notes()
    organizations = Organizations(world.database)
    customers = [organizations.make() for _ in range(ORGANIZATIONS)]
    for customer in customers:
        organizations.grant(customer.org_id, "1000000")
        organizations.run(customer.org_id, execute_one(_budget(customer.org_id)))
        # One user of so many calls is what the runaway guard stops; here everybody is to go on.
        organizations.run(customer.org_id, set_guard(customer.org_id, OPERATOR, enabled=False))
    stop = asyncio.Event()
    callers = [Caller(world.urls, customers[n % ORGANIZATIONS], n, seed, notes) for n in range(CALLERS)]
    working = [asyncio.create_task(caller.work(stop)) for caller in callers]
    killed, began = Counter[str](), time.monotonic()
    for number in range(kills):
        await asyncio.sleep(0.2 + dice.random() / 2)
        killed[await _kill(world, dice, first=number)] += 1
        tick(number + 1)
    seconds = time.monotonic() - began
    await asyncio.to_thread(world.wait_for_apps)
    await asyncio.sleep(0.5)
    stop.set()
    await asyncio.gather(*working)
    stuck = await _let_holds_lapse(world, customers, wait=wait)
    organizations.close()
    outcome = Outcome("crash", seed)
    lost, double = _compare(world, notes)
    outcome.faults = notes.faults + lost + double + deviations(world.database.owner_url)
    if stuck:
        outcome.faults.append(f"{stuck} holds outlived their time")
    outcome.figures = {
        "kills of the app": killed["app"],
        "kills of PostgreSQL": killed["PostgreSQL"],
        "kills of the worker": killed["worker"],
        "seconds a kill": f"{seconds / max(kills, 1):.2f}",
        "acknowledged": len(notes.held) + len(notes.charged) + len(notes.answered),
        "lost": len(lost),
        "double": len(double),
        "unanswered": notes.unknown,
        "of them committed": notes.committed_unheard,
        "streams cut": len(notes.cut),
        "stuck holds": stuck,
    }
    return outcome


async def _kill(world: World, dice: random.Random, *, first: int) -> str:
    """Kill something that works; what it was. The first three are one of each."""
    while True:
        victim = VICTIMS[first] if first < len(VICTIMS) else dice.choices(VICTIMS, weights=(5, 3, 2))[0]
        serving = await asyncio.to_thread(world.apps_that_serve)
        if not serving or (victim == "worker" and not world.worker_works):
            await asyncio.sleep(0.1)
            continue
        if victim == "app":
            await asyncio.to_thread(world.kill_app, dice.choice(serving))
        else:
            await asyncio.to_thread(world.kill_database if victim == "PostgreSQL" else world.kill_worker)
        return victim


def _budget(org_id: int) -> SetBudget:
    """Wide enough never to refuse: its counters move with every hold, and the judge counts them again."""
    return SetBudget(org_id=org_id, change_id="b", budget_id="b", name="Reports", limit=MAX_MICROCREDITS, period="day",
                     scope=Scope(use_case="report"))  # fmt: skip


def _compare(world: World, notes: Notes) -> tuple[list[str], list[str]]:
    """What callers noted and the journal does not have, or has otherwise; and what it has more than once."""
    lost: list[str] = []
    with psycopg.connect(world.database.owner_url) as connection:
        rows = connection.execute(
            "SELECT org_id, operation_id, kind, count(*), sum(used), sum(held) FROM ledger.entry"
            " WHERE kind IN ('hold', 'settle', 'usage') GROUP BY org_id, operation_id, kind"
        ).fetchall()
    journal = {(org_id, operation_id): row for org_id, operation_id, *row in rows}
    double = [f"{key} stands {row[1]} times" for key, row in journal.items() if row[1] != 1]
    for (org_id, hold_id), amount in notes.held.items():
        row = journal.get((org_id, f"hold:{hold_id}"))
        if row is None or row[3] != amount * MICRO:
            lost.append(f"hold {hold_id} of {amount}: {row}")
    for (org_id, hold_id), amount in notes.charged.items():
        row = journal.get((org_id, f"resolution:{hold_id}"))
        if row is None or row[0] != "settle" or row[2] != amount * MICRO:
            lost.append(f"settlement {hold_id} of {amount}: {row}")
    for (org_id, hold_id), amount in notes.answered.items():
        found = [journal.get((org_id, f"{family}:{hold_id}")) for family in ("resolution", "usage")]
        charges = [row[2] for row in found if row is not None and row[2]]
        if charges != [amount * MICRO]:
            (double if len(charges) > 1 else lost).append(f"completion {hold_id} of {amount}: charged {charges}")
    return lost, double


async def _let_holds_lapse(world: World, customers: Sequence[Organization], *, wait: bool) -> int:
    """Whatever was left open is gone once its time has passed and its organization is looked at; how many are not."""
    stuck = 0
    if wait:
        await asyncio.sleep(GATEWAY_TTL_SECONDS + 2)
        for customer in customers:
            wire = await Wire.connect(world.urls[0], customer.key)
            await wire.get("/api/v1/balance")
            wire.close()
        stuck += _open_holds(world, "expires_at < extract(epoch FROM now() - interval '2 seconds') * 1000000")
    database = SyncDatabase(world.database.app_url)
    for customer in customers:
        later = time.time_ns() // 1000 + LONGEST_TTL_SECONDS * 1_000_000
        database.run(execute_one(Touch(org_id=customer.org_id), clock=later), org_id=customer.org_id)
    database.close()
    return stuck + _open_holds(world, "true")


def _open_holds(world: World, which: LiteralString) -> int:
    with psycopg.connect(world.database.owner_url) as connection:
        row = connection.execute(
            sql.SQL("SELECT count(*) FROM ledger.open_hold WHERE {}").format(sql.SQL(which))
        ).fetchone()
    assert row is not None
    return int(row[0])
