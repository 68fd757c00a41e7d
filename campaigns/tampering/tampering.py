"""Tamper: a superuser changes rows of random books in every way, and the self-audit must notice each time.

Each change is made in a transaction, looked at in it by what looks at the books in production, and taken back. Books
that nobody has touched are looked at as often as they grow and between the changes: they must be found right.
"""

import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import psycopg

from bench.server import bench_server
from campaigns.campaign import Campaign, Tick, unheard
from campaigns.outcome import Outcome
from campaigns.tampering.books import faults_of, published, write_book
from campaigns.tampering.forging import cut, put_off, raise_sums, rewrite
from campaigns.tampering.tampers import Hand, NoChange, Table, tables_of
from testkase.services.selfaudit.heads import Heads
from tests.support.cluster import TestDatabase

OPERATIONS = (20, 200)
"""Commands of a book, at least and at most."""
CHANGES = 250
"""Of one book, at most."""
UNTOUCHED_EVERY = 50
FORGED = 0.06
"""The share of changes that a forger makes who knows how the books are made."""
_SUMS = ("ledger.usage_closed", "ledger.usage_part_day", "ledger.usage_part_period", "all sums")
"""By which of what is told a change is known as one of the sums of days that are over."""


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """So many changes, on a PostgreSQL of their own."""
    with bench_server() as server, tempfile.TemporaryDirectory() as folder:
        return tamper(server.database, Path(folder), changes=size, seed=seed, tick=tick)


TAMPER = Campaign(
    name="tamper", about="a superuser edits, deletes, swaps, inserts, cuts off and hashes anew: every change is found",
    counts="changes", full=10_000, small=1_000, run=run,
)  # fmt: skip


def tamper(database: TestDatabase, folder: Path, *, changes: int, seed: int, tick: Tick = unheard) -> Outcome:
    """So many changes of as many books as that takes; `folder`: for published heads."""
    outcome, dice, counts = Outcome("tamper", seed), random.Random(seed), Counter[str]()
    with psycopg.connect(database.owner_url) as owner:
        tables = tables_of(owner)
        done = 0
        while done < changes:
            counts["books"] += 1
            org_id = counts["books"]
            write_book(owner, org_id, dice, dice.randint(*OPERATIONS))
            heads = published(owner, org_id, folder / str(org_id))
            book = _Tampering(owner, org_id, dice, tables, heads, outcome.faults, counts)
            some = min(CHANGES, changes - done, 25 if changes < CHANGES else CHANGES)
            for _ in range(some):
                book.once(done)
                done += 1
            tick(done)
    outcome.figures = {"changes": done, "tables": len(tables), **counts, "not found": len(outcome.faults)}
    return outcome


class _Tampering:
    """One book under the hand of somebody who may do everything."""

    def __init__(
        self, owner: psycopg.Connection[Any], org_id: int, dice: random.Random, tables: list[Table], heads: Heads,
        faults: list[str], counts: Counter[str],
    ) -> None:  # fmt: skip
        self._owner, self._org_id, self._dice = owner, org_id, dice
        self._heads, self._faults, self._counts = heads, faults, counts
        self._hand = Hand(owner, org_id, dice, tables)
        row = owner.execute("SELECT last_seq FROM ledger.account WHERE org_id = %s", [org_id]).fetchone()
        assert row is not None
        self._last_seq = int(row[0])
        owner.rollback()

    def once(self, number: int) -> None:
        """Change something, look, and take it back."""
        if number % UNTOUCHED_EVERY == 0:
            self._look_at_untouched()
        told = None
        while told is None:
            told = self._changed()
        self._counts["of sums of days"] += any(name in told for name in _SUMS)
        try:
            if not faults_of(self._owner, self._org_id, self._heads):
                self._faults.append(f"book {self._org_id}: {told}")
        except Exception as broken:  # noqa: BLE001 - a check that breaks off has found nothing
            self._faults.append(f"book {self._org_id}: {told}: the check broke off: {broken!r}")
        self._owner.rollback()

    def _changed(self) -> str | None:
        try:
            self._owner.execute("SET LOCAL session_replication_role = replica")
            if self._dice.random() < FORGED and self._last_seq > 1:
                self._counts["forged"] += 1
                return self._dice.choice((rewrite, cut, raise_sums, put_off))(
                    self._owner, self._org_id, self._dice, self._last_seq
                )
            return self._hand.change()
        except NoChange:
            pass
        except psycopg.Error:
            self._counts["refused by a constraint"] += 1
        self._owner.rollback()
        return None

    def _look_at_untouched(self) -> None:
        self._counts["untouched looked at"] += 1
        found = faults_of(self._owner, self._org_id, self._heads)
        self._faults += [f"book {self._org_id}, untouched: {fault}" for fault in found]
        self._owner.rollback()
