"""What an engine remembers of an organization is what a load would find, whoever wrote last and whatever came."""

import random
from collections.abc import Callable, Sequence

import pytest
from msgspec.structs import replace

from testkase.core.ledger import commands as ask
from testkase.core.ledger.book import Book
from testkase.core.ledger.commands import Command
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.heads import Known
from testkase.core.ledger.limits.commands import Pause, Resume, SetBudget
from testkase.core.ledger.limits.model import Scope
from testkase.core.ledger.model import UNTOUCHED, Lot
from testkase.core.ledger.operations import execute
from testkase.core.ledger.reading import books_of, load_statement
from testkase.core.ledger.verify import verify
from testkase.foundation.database import Operation, SyncDatabase
from tests.support.cluster import TestDatabase
from tests.support.ledger import SUBJECT, fresh_org, hold, open_account, settle

NOW = 1_790_000_000_000_000
SECOND = 1_000_000


class Story:
    """Commands as they may come, most of them about what happened lately."""

    def __init__(self, seed: int, orgs: Sequence[int]) -> None:
        self.dice = random.Random(seed)
        self._orgs = orgs
        self._number = 0

    def next(self, now: int) -> Command:
        self._number += 1
        (make,) = self.dice.choices((self._call, self._money, self._rule), (16, 3, 2))
        return make(self.dice.choice(self._orgs), now)

    def _call(self, org: int, _: int) -> Command:
        dice, number = self.dice, self._number
        lately = f"h{number - dice.randrange(1, 12)}"
        credits = int(dice.choice([0.2, 1, 5]) * MICRO)
        subject = replace(SUBJECT, user=dice.choice(["ada", "bob"]))
        return dice.choice([
            replace(hold(org, f"h{number}", dice.choice([0, 1, 6]), dice.choice([20, 600])), subject=subject),
            settle(org, lately, dice.choice([0, 0.5, 2, 9])),
            ask.SettleHold(org_id=org, hold_id=lately, credits=credits, final=False, capture_id=f"c{number}"),
            ask.ExtendHold(org_id=org, hold_id=lately, extension_id="e", ttl_seconds=60, amount=dice.choice([0, 9])),
            ask.VoidHold(org_id=org, hold_id=lately),
            ask.RecordUsage(org_id=org, usage_id=f"u{number}", subject=subject, credits=credits),
        ])  # fmt: skip

    def _money(self, org: int, now: int) -> Command:
        dice, number = self.dice, self._number
        expires_at = dice.choice([None, now + 30 * SECOND])
        grant = f"g{number % 7}"
        return dice.choice([
            ask.Grant(org_id=org, grant_id=grant, amount=8 * MICRO, source="purchase", expires_at=expires_at),
            ask.Reverse(
                org_id=org, reversal_id=f"r{number}", grant_id=grant, clawed=dice.choice([0, MICRO]),
                frozen=dice.choice([True, False]),
            ),
            ask.SetOverage(org_id=org, setting_id=f"o{number}", limit=dice.choice([0, 10]) * MICRO),
        ])  # fmt: skip

    def _rule(self, org: int, _: int) -> Command:
        dice, change = self.dice, f"l{self._number}"
        scope = Scope(user=dice.choice([None, "ada"]))
        return dice.choice([
            SetBudget(org_id=org, change_id=change, budget_id="b", name="b", limit=10**8, period="day", scope=scope),
            Pause(org_id=org, change_id=change, kind="user", ref="bob", reason="Why."),
            Resume(org_id=org, change_id=change, kind="user", ref="bob"),
            ask.SwitchAi(org_id=org, switch_id=change, enabled=dice.random() < 0.8),
        ])  # fmt: skip


@pytest.mark.requirement("I2", "I3", "I14")
@pytest.mark.parametrize("seed", [1, 2])
async def test_memory_is_what_a_load_would_find(database: TestDatabase, seed: int) -> None:
    orgs = [fresh_org() for _ in range(5)]
    story, now = Story(seed, orgs), [NOW]
    engine = await _started(database, lambda: now[0])
    books = SyncDatabase(database.app_url)
    await engine.submit_many([open_account(org, 200) for org in orgs])
    for _ in range(150):
        batch = [story.next(now[0]) for _ in range(story.dice.choice([1, 2, 6]))]
        if story.dice.random() < 0.1:
            books.run(execute(batch, clock=now[0]))
        else:
            await engine.submit_many(batch)
        found = books.run(_loaded(orgs, now[0]))
        for org, known in engine.heads._known.items():
            if known.account.last_hash == found[org].account.last_hash:  # type: ignore[union-attr]
                _compare(known, found[org])
        now[0] += story.dice.choice([0, 1, SECOND, -SECOND, 3 * SECOND, 40 * SECOND])
    assert [fault for org in orgs for fault in books.run(verify(org), org_id=org)] == []
    assert engine.heads.confirmed > 20
    await engine.stop()
    books.close()


async def _started(database: TestDatabase, clock: Callable[[], int]) -> Engine:
    engine = Engine(database.app_url, lanes=2, clock=clock)
    await engine.start()
    engine.heads.doubt_seconds, engine.heads.worth_apart = 0.0, 1
    return engine


def _loaded(orgs: Sequence[int], clock: int) -> Operation[dict[int, Book]]:
    """The books with every open hold."""
    commands = [ask.SwitchAi(org_id=org, switch_id="never", enabled=True) for org in orgs]
    rows = yield load_statement(commands, [], clock)
    return books_of(commands, [], rows[0])[0]


def _compare(known: Known, found: Book) -> None:
    assert found.account is not None
    assert known.account == replace(found.account, due_at=known.account.due_at)
    assert _live(known.lots) == _live(found.lots)
    assert known.holds.items() <= found.holds.items()
    if known.limits is not None and found.limits is not None:
        assert (known.limits.budgets, known.limits.pauses) == (found.limits.budgets, found.limits.pauses)
    assert (known.limits is None) == (found.limits is None)


def _live(lots: dict[int, Lot]) -> dict[int, Lot]:
    """Without those that are spent, and with one word for a lot that was never reversed."""
    return {
        lot_id: replace(lot, claw=None if lot.claw == UNTOUCHED else lot.claw)
        for lot_id, lot in lots.items()
        if lot.available or lot.held
    }
