"""Random stories told to PostgreSQL and, in step, to `decide` beside the naive model: equal entries, hash by hash."""

from collections.abc import Iterator
from random import Random

import pytest

from testkase.core.ledger import commands as ask
from testkase.core.ledger.operations import Answer, execute
from testkase.core.ledger.queries import balance, lots, receipt, usage_page
from testkase.core.ledger.verify import verify
from testkase.foundation.database import SyncDatabase
from testkase.foundation.problems import Problem
from tests.support.cluster import TestDatabase
from tests.support.random_commands import ORG, THEMES, Script
from tests.support.side_by_side import SideBySide


@pytest.fixture
def books(database: TestDatabase) -> Iterator[SyncDatabase]:
    connected = SyncDatabase(database.app_url)
    yield connected
    connected.close()


class InStep:
    """One organization in PostgreSQL, in `decide` and in the naive model."""

    def __init__(self, books: SyncDatabase) -> None:
        self.books = books
        self.world = SideBySide()

    def submit(self, command: ask.Command, now: int) -> None:
        expected = self.world.submit(command, now)
        (stored,) = self.books.run(execute([command], clock=now), org_id=ORG)
        if isinstance(expected, Problem):
            assert (type(stored), str(stored)) == (type(expected), str(expected))
            return
        assert isinstance(stored, Answer), stored
        assert stored.replayed is expected.replayed
        if not isinstance(command, ask.Touch):
            assert (stored.entry.seq, stored.entry.hash) == (expected.entry.seq, expected.entry.hash)

    def compare(self) -> None:
        account, stands = self.world.account(), self.books.run(balance(ORG), org_id=ORG)
        names = ("available", "held", "debt", "overage", "overage_limit", "period_used", "period_end", "last_seq")
        assert [getattr(stands, name) for name in names] == [getattr(account, name) for name in names]
        rows = {lot.lot_id: lot for lot in self.books.run(lots(ORG), org_id=ORG)}
        there = {
            lot.lot_id: lot
            for lot in self.world.lots.values()
            if lot.available or lot.held or (lot.claw and lot.claw.frozen)
        }
        assert rows == there
        assert self.books.run(verify(ORG), org_id=ORG) == []
        for row in self.books.run(usage_page(ORG, limit=100), org_id=ORG):
            self._receipt_adds_up(row.seq)

    def _receipt_adds_up(self, seq: int) -> None:
        told = self.books.run(receipt(ORG, seq), org_id=ORG)
        assert sum(line.charged for line in told.lots) == told.usage.charged
        went = told.usage.charged + told.expired_on_release
        assert told.balance_before - went + told.reversed_on_release + told.lent == told.balance_after


@pytest.mark.requirement("P7", "P10", "B3", "B4", "I1", "I2", "I3", "I5", "I6", "I10", "I12")
@pytest.mark.parametrize("theme", range(len(THEMES)))
@pytest.mark.parametrize("seed", range(2))
def test_postgresql_keeps_the_books_that_decide_and_the_naive_model_keep(
    books: SyncDatabase, theme: int, seed: int
) -> None:
    told = InStep(books)
    script = Script(Random(f"in step {theme}/{seed}"), told.world)
    script.weigh(THEMES[theme])
    told.submit(script.opening(), script.now)
    for _ in range(150):
        told.submit(*script.next())
        if script.dice.random() < 0.05:
            told.world.restart()
    told.compare()
