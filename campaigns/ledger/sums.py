"""A random month on the real ledger; then every place that shows its sums is read, and all must say the same.

The commands are the random ones of the ledger's own simulation (holds, captures, settlements, lapses, grants,
corrections, the switch, repetitions), from many people in many projects. Compared to the micro-credit: the two cards,
the breakdown by feature, user, project and day, the usage table page by page, its CSV, the statement as page and as
CSV, the API's balance, summary, list and statement, and what `verify` finds.
"""

import random
import time
from typing import Any, cast

import msgspec

from bench.server import bench_server
from campaigns.campaign import Campaign, Tick, unheard
from campaigns.ledger.places import Places
from campaigns.ledger.shadow import Shadow
from campaigns.outcome import Outcome
from testkase.core.ledger.closing import close_days
from testkase.core.ledger.commands import Command, OpenAccount, OpenHold, RecordUsage, Touch
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute
from testkase.core.ledger.verify import verify
from testkase.entrypoints.api.app import create_app
from testkase.foundation.database import SyncDatabase
from tests.support.cluster import TestDatabase
from tests.support.django import django_on
from tests.support.people import stranger
from tests.support.programs import Organizations, api_settings, served
from tests.support.random_commands import Script
from tests.support.side_by_side import SideBySide

BATCH = 8
"""Commands that come together, at most."""
LENGTH = 40 * 86_400 * MICRO
"""Forty days: there is always a month that has closed, and one that runs."""
USE_CASES = ("test_generation", "chat", "report", "nightly-runs")
PROJECTS = (None, "WEB", "APP", "<b>&amp;", "=1+1")


class _Month(Script):
    """The simulation's commands within forty days, from many people."""

    def __init__(self, dice: random.Random, shadow: Shadow, org_id: int, steps: int) -> None:
        super().__init__(dice, cast(SideBySide, shadow))
        self.org_id = org_id
        self.now = time.time_ns() // 1_000
        self.pace = LENGTH * (BATCH + 1) // steps
        self.people = [f"person{number}@example.com" for number in range(30)]

    def at(self, now: int) -> Command:
        return cast(Command, _replaced(super().at(now), org_id=self.org_id))

    def _instant(self) -> int:
        due = self._falls_due()
        if due and self.dice.random() < 0.05:
            return max(self.now, min(min(due) + self.dice.choice([-1, 0, 1]), self.now + self.pace))
        return self.now + self.dice.randrange(self.pace)

    def _new(self) -> Command:
        command = super()._new()
        if not isinstance(command, OpenHold | RecordUsage):
            return command
        choose = self.dice.choice
        subject = Subject(use_case=choose(USE_CASES), user=choose(self.people), project=choose(PROJECTS), model="m")
        return cast(Command, _replaced(command, subject=subject))


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """A random month on a PostgreSQL of its own."""
    with bench_server() as server:
        return sums(server.database, operations=size, seed=seed, tick=tick)


SUMS = Campaign(
    name="sums", about="a random month, then every page, file and answer that shows a sum shows the same",
    counts="operations", full=10_000, small=2_000, run=run,
)  # fmt: skip


def sums(database: TestDatabase, *, operations: int, seed: int, tick: Tick = unheard) -> Outcome:
    """So many operations, then the comparison of every month they reached."""
    outcome, dice = Outcome("sums", seed), random.Random(seed)
    with django_on(database):
        client = stranger("Sums Ltd")
        client.get("/settings/ai-credits")
        org_id = int(client.session["org_id"])
        books = SyncDatabase(database.app_url)
        posted = _live(books, _Month(dice, shadow := Shadow(), org_id, operations), shadow, operations, tick)
        found = books.run(verify(org_id), org_id=org_id)
        outcome.faults += [f"verify {each.invariant} at {each.seq}: {each.found}" for each in found]
        organizations = Organizations(database)
        key = organizations.make_key(org_id)
        organizations.close()
        with served(create_app(api_settings(database))) as url, Places(client, f"{url}/api/v1", key) as places:
            told = dict(places.everything())
        books.close()
    outcome.faults += [f"{name}: {figures}" for name, figures in told.items() if len(set(figures.values())) != 1]
    compared = sum(len(figures) for figures in told.values())
    outcome.figures = {"operations": operations, "entries": posted, "figures compared": compared}
    return outcome


def _live(books: SyncDatabase, month: _Month, shadow: Shadow, operations: int, tick: Tick) -> int:
    """Carry out the month, a few commands at a time as a busy engine would; how many entries there are then. Now and
    then days that are over are summed up, never all of them."""
    org_id, done, worker = month.org_id, 0, random.Random(operations)
    shadow.submit(OpenAccount(org_id=org_id, monthly_allowance=300 * MICRO, ai_enabled=True), month.now)
    while done < operations:
        batch = _batch(month, shadow, min(month.dice.randint(1, BATCH), operations - done))
        books.run(execute(batch, clock=month.now), org_id=org_id)
        done += len(batch)
        if worker.random() < 0.02:
            books.run(close_days(org_id, most=worker.randint(1, 9)))
        tick(done)
    books.run(execute([Touch(org_id=org_id)], clock=month.now), org_id=org_id)
    with books.transaction(org_id) as connection:
        row = connection.execute("SELECT last_seq FROM ledger.account WHERE org_id = %s", [org_id]).fetchone()
    assert row is not None
    return int(row[0])


def _batch(month: _Month, shadow: Shadow, size: int) -> list[Command]:
    """Commands of one instant, as they meet in a batch."""
    command, now = month.next()
    batch = [command]
    shadow.submit(command, now)
    for _ in range(size - 1):
        batch.append(month.at(now))
        shadow.submit(batch[-1], now)
    return batch


def _replaced(command: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(command, **changes)
