"""A lone command decided from memory is written by statements of its own: they leave the rows the other way leaves."""

import random
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from psycopg.rows import dict_row

from testkase.core.ledger import commands as ask
from testkase.core.ledger import writing
from testkase.core.ledger.commands import Command
from testkase.core.ledger.conversation import Conversation
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.limits.commands import Pause, SetBudget
from testkase.core.ledger.limits.model import Scope
from testkase.core.ledger.model import Outcome as Ending
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import Answer, Outcome
from testkase.core.ledger.verify import verify
from testkase.foundation.database import Statement, SyncDatabase
from tests.support.cluster import TestDatabase
from tests.support.ledger import TERMS, fresh_org, hold, open_account, settle

NOW = 1_790_000_000_000_000
SECOND = 1_000_000
NAMES = ["ada", 'Ada "quoted" \\ back\\\\slash', "line\nbreak\ttab", "(,{}) NULL", "ÆØÅ 😀", "", "x" * 120]
TABLES = ("account", "lot", "open_hold", "entry", "usage", "usage_day", "budget", "pause")
OWN = ("org_id", "fingerprint", "hash", "last_hash")
"""Columns in which two organizations with one story differ."""


class Story:
    """Commands that mostly go on from memory, one at a time, for two organizations alike."""

    def __init__(self, seed: int) -> None:
        self.dice, self.now, self._number = random.Random(seed), NOW, 0
        self._open: list[str] = []

    def next(self) -> Callable[[int], Command]:
        self._number += 1
        self.now += self.dice.choice([0, 1, SECOND, 40 * SECOND])
        (make,) = self.dice.choices(
            (self._hold, self._end, self._part, self._usage, self._money, self._rule), (24, 20, 6, 16, 5, 1)
        )
        command = make()
        return lambda org_id: replace(command, org_id=org_id)

    def _subject(self) -> Subject:
        dice = self.dice
        return Subject(
            use_case=dice.choice(["chat", "a-b"]), user=dice.choice(NAMES), project=dice.choice([*NAMES, None]),
            model=dice.choice(["test-model", None]),
        )  # fmt: skip

    def _hold(self) -> Command:
        dice, name = self.dice, f"h{self._number}{self.dice.choice(NAMES)[:60]}"
        self._open.append(name)
        return ask.OpenHold(
            org_id=0, hold_id=name, amount=dice.choice([0, 1, MICRO, 30 * MICRO]), ttl_seconds=dice.choice([30, 900]),
            subject=self._subject(), terms=dice.choice([TERMS, None]),
        )  # fmt: skip

    def _lately(self) -> str:
        return self._open.pop(self.dice.randrange(-min(5, len(self._open)), 0)) if self._open else "none"

    def _end(self) -> Command:
        dice, name = self.dice, self._lately()
        credits = dice.choice([0, 1, MICRO, 9 * MICRO, 90 * MICRO])
        outcomes: list[Ending] = ["completed", "failed", "cancelled"]
        outcome = dice.choice(outcomes)
        return dice.choice([
            ask.VoidHold(org_id=0, hold_id=name),
            ask.SettleHold(org_id=0, hold_id=name, credits=credits, outcome=outcome),
            ask.SettleHold(org_id=0, hold_id=name, credits=credits, outcome=outcome),
        ])  # fmt: skip

    def _part(self) -> Command:
        name = self._lately()
        self._open.append(name)
        return self.dice.choice([
            ask.ExtendHold(org_id=0, hold_id=name, extension_id=f"e{self._number}", ttl_seconds=90, amount=MICRO),
            ask.ExtendHold(org_id=0, hold_id=name, extension_id=f"e{self._number}", ttl_seconds=90),
            ask.SettleHold(org_id=0, hold_id=name, credits=MICRO, final=False, capture_id=f"c{self._number}"),
        ])  # fmt: skip

    def _usage(self) -> Command:
        credits = self.dice.choice([0, 1, MICRO, 40 * MICRO])
        return ask.RecordUsage(org_id=0, usage_id=f"u{self._number}", subject=self._subject(), credits=credits)

    def _money(self) -> Command:
        dice, grant = self.dice, f"g{self._number % 3}"
        return dice.choice([
            ask.Grant(
                org_id=0, grant_id=grant, amount=50 * MICRO, source="purchase",
                expires_at=dice.choice([None, NOW + 9_000 * SECOND]),
            ),
            ask.Reverse(
                org_id=0, reversal_id=f"r{self._number}", grant_id=grant, clawed=dice.choice([0, 0, 5 * MICRO]),
                frozen=dice.random() < 0.3,
            ),
            ask.SetOverage(org_id=0, setting_id=f"o{self._number}", limit=dice.choice([0, 40]) * MICRO),
        ])  # fmt: skip

    def _rule(self) -> Command:
        dice, change = self.dice, f"l{self._number}"
        scope = Scope(user="ada")
        return dice.choice([
            SetBudget(org_id=0, change_id=change, budget_id="b", name="b", limit=10**9, period="day", scope=scope),
            Pause(org_id=0, change_id=change, kind="user", ref="nobody", reason="Why."),
        ])  # fmt: skip


def rows(database: TestDatabase, org_id: int) -> dict[str, list[Any]]:
    with psycopg.connect(database.owner_url, row_factory=dict_row) as owner:
        found = {
            table: owner.execute(f"SELECT * FROM ledger.{table} WHERE org_id = %s".encode(), [org_id]).fetchall()
            for table in TABLES
        }
    return {
        table: sorted(
            repr({name: value for name, value in row.items() if name not in OWN}).replace(f'"org_id":{org_id},', "")
            for row in told
        )
        for table, told in found.items()
    }


class Both:
    """One engine and two organizations: the commands of one are written as lone ones where they may be."""

    def __init__(self, engine: Engine, patch: pytest.MonkeyPatch) -> None:
        self.engine, self._patch = engine, patch
        self.lone, self.other = fresh_org(), fresh_org()
        self.sent: list[str] = []
        commit = Conversation.append_known

        async def note(conversation: Conversation, statement: Statement) -> int:
            self.sent.append(statement.sql)
            return await commit(conversation, statement)

        patch.setattr(Conversation, "append_known", note)

    async def submit(self, command: Callable[[int], Command]) -> None:
        (other,) = await self._otherwise(command)
        (lone,) = await self.engine.submit_many([command(self.lone)])
        assert type(lone) is type(other)
        if isinstance(lone, Answer) and isinstance(other, Answer):
            assert (lone.replayed, lone.entry.usage, lone.entry.deltas) == (
                other.replayed, other.entry.usage, other.entry.deltas,
            )  # fmt: skip

    async def _otherwise(self, command: Callable[[int], Command]) -> list[Outcome]:
        with self._patch.context() as patch:
            patch.setattr(writing, "_is_lone", lambda _: False)
            return await self.engine.submit_many([command(self.other)])


@pytest.fixture
async def both(database: TestDatabase, now: list[int], monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Both]:
    engine = Engine(database.app_url, clock=lambda: now[0])
    await engine.start()
    engine.heads.doubt_seconds = 0.0
    yield Both(engine, monkeypatch)
    await engine.stop()


@pytest.fixture
def now() -> list[int]:
    """The time it is, to be moved."""
    return [NOW]


@pytest.mark.requirement("I2", "I3", "I5", "I11")
@pytest.mark.parametrize("seed", [1, 2])
async def test_a_lone_command_leaves_the_rows_that_the_other_way_leaves(
    database: TestDatabase, elsewhere: SyncDatabase, both: Both, now: list[int], seed: int
) -> None:
    story = Story(seed)
    await both.submit(lambda org_id: open_account(org_id, 900))
    for step in range(300):
        command = story.next()
        now[0] = story.now
        await both.submit(command)
        if step % 50 == 49:
            assert rows(database, both.lone) == rows(database, both.other)
    assert both.sent.count(writing.APPEND_ONE) > 40
    assert both.engine.heads.refuted == 0
    for org_id in (both.lone, both.other):
        assert elsewhere.read(verify(org_id), org_id=org_id) == []


def _reversed(clawed: int, *, frozen: bool = False) -> Command:
    return ask.Reverse(org_id=0, reversal_id="r", grant_id="g", clawed=clawed * MICRO, frozen=frozen)


_BOUGHT = ask.Grant(org_id=0, grant_id="g", amount=50 * MICRO, source="purchase", expires_at=NOW + 100 * SECOND)
_ENDS = {
    "lent": (ask.SetOverage(org_id=0, setting_id="o", limit=90 * MICRO), hold(0, "h", 30, 900)),
    "frozen": (_BOUGHT, hold(0, "h", 30, 900), _reversed(0, frozen=True)),
    "taken back": (_BOUGHT, hold(0, "h", 30, 900), _reversed(15)),
    "owed": (_BOUGHT, hold(0, "h", 30, 900), _reversed(45)),
    "expired": (_BOUGHT, hold(0, "h", 30, 900), 200, ask.Touch(org_id=0)),
}
"""What comes before a hold is resolved, as commands and as seconds that pass."""


@pytest.mark.requirement("I4", "I7", "P10", "P7")
@pytest.mark.parametrize("end", [settle(0, "h", 4), settle(0, "h", 30), ask.VoidHold(org_id=0, hold_id="h")])
@pytest.mark.parametrize("before", _ENDS.values(), ids=_ENDS)
async def test_what_a_lone_command_gives_back_goes_where_it_belongs(
    database: TestDatabase, elsewhere: SyncDatabase, both: Both, now: list[int], before: tuple[Any, ...], end: Command
) -> None:
    await both.submit(lambda org_id: open_account(org_id, 0))
    for step in (*before, end):
        if isinstance(step, int):
            now[0] += step * SECOND
        else:
            await both.submit(lambda org_id, command=step: replace(command, org_id=org_id))  # type: ignore[misc]
    assert both.sent[-2:] == [writing.APPEND, writing.APPEND_ONE]
    assert rows(database, both.lone) == rows(database, both.other)
    assert elsewhere.read(verify(both.lone), org_id=both.lone) == []
