"""Upgrade: databases with data are brought from an older schema, or from nothing, to this one by processes that are
killed again and again, at any moment or right behind one of their commits.

What a killed one leaves must be finished by the next one, with every row of before and the books in order.
"""

import random
import tempfile
import time
from itertools import count
from pathlib import Path

import psycopg

from campaigns.campaign import Campaign, Tick, unheard
from campaigns.oracle import deviations
from campaigns.outcome import Outcome
from testkase.core.ledger.operations import execute_one
from testkase.foundation.database import SyncDatabase
from tests.support.cluster import Cluster, TestDatabase
from tests.support.ledger import fresh_org, hold, open_account, settle
from tests.support.upgrades import applied, code_of_before, empty_database, migrate_to, start_migration

EARLY = "0027"
"""The oldest of our schema's states that this code's ledger can still read from, and that of before write to."""
_LONGEST_SECONDS = 120


def upgrade(
    cluster: Cluster, folder: Path, *, kills: int, seed: int, most_each: int = 5, tick: Tick = unheard
) -> Outcome:
    """Migrations until so many of them were killed, at most `most_each` on one database, every other from nothing."""
    dice, outcome, log = random.Random(seed), Outcome("upgrade", seed), folder / "migrate.log"
    killed = databases = 0
    with empty_database(cluster, "earliest") as earliest, empty_database(cluster, "nothing") as nothing:
        migrate_to(earliest, EARLY)
        with code_of_before():
            work(earliest)
        entries = entries_of(earliest)
        for number in count():
            if killed >= kills:
                break
            database = cluster.copy((earliest, nothing)[number % 2])
            databases += 1
            for _ in range(min(most_each, kills - killed)):
                if kill_somewhere(database, log, dice):
                    break
                killed += 1
                tick(killed)
            if start_migration(database, log).wait(_LONGEST_SECONDS) != 0:
                outcome.faults.append(f"database {databases} could not be migrated; see {log}")
            elif number % 2 == 0 and entries_of(database) != entries:
                outcome.faults.append(f"database {databases} has other entries than before")
            outcome.faults += deviations(database.owner_url)
            cluster.drop(database)
    outcome.figures = {"kills": killed, "databases": databases, "entries in each older one": sum(entries.values())}
    return outcome


def work(database: TestDatabase) -> None:
    """Holds and settlements of three organizations."""
    writer = SyncDatabase(database.app_url)
    for org_id in (fresh_org() for _ in range(3)):
        writer.run(execute_one(open_account(org_id)), org_id=org_id)
        for number in range(20):
            writer.run(execute_one(hold(org_id, f"h{number}")), org_id=org_id)
            if number % 4:
                writer.run(execute_one(settle(org_id, f"h{number}", 0.5)), org_id=org_id)
    writer.close()


def kill_somewhere(database: TestDatabase, log: Path, dice: random.Random) -> bool:
    """Start a migration and kill it; whether it had come to its end before."""
    process, before = start_migration(database, log), applied(database)
    commits = before + dice.randrange(1, 12) if dice.random() < 0.7 else None
    deadline = time.monotonic() + dice.uniform(1.0, 6.0)
    while process.poll() is None:
        if applied(database) >= commits if commits is not None else time.monotonic() > deadline:
            break
        time.sleep(0.001)
    process.kill()
    return process.wait() == 0


def entries_of(database: TestDatabase) -> dict[int, int]:
    """How many entries each organization has."""
    with psycopg.connect(database.owner_url) as connection:
        return dict(connection.execute("SELECT org_id, count(*) FROM ledger.entry GROUP BY org_id").fetchall())


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """`size` kills, on a PostgreSQL of its own."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = Cluster(Path(folder))
        try:
            return upgrade(cluster, Path(folder), kills=size, seed=seed, tick=tick)
        finally:
            cluster.stop()


UPGRADE = Campaign(
    name="upgrade",
    about="migrations killed with -9 at any moment: the next one finishes, no row is lost, the books are right",
    counts="kills",
    full=300,
    small=20,
    run=run,
)
