"""The state of both ledgers, and the invariants of the real one's: all of it, or what one step touched."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from testkase.core.ledger import commands as c
from testkase.core.ledger.book import Book, Event
from testkase.core.ledger.limits.commands import LimitCommand
from testkase.core.ledger.limits.model import Budget
from testkase.core.ledger.limits.periods import at
from testkase.core.ledger.limits.standing import Limits
from testkase.core.ledger.model import UNTOUCHED, Account, Hold, Lot
from tests.support.naive_facts import Fact, NaiveLot
from tests.support.naive_ledger import NaiveLedger
from tests.support.walked_journal import WalkedJournal

FAR = 2**62


@dataclass
class Sums:
    """What lots and holds add up to, counted along."""

    available: int = 0
    held: int = 0
    on_holds: int = 0

    def count(self, event: Event, lots: dict[int, Lot], holds: dict[str, Hold]) -> None:
        """An event, and what there was before it."""
        for lot in event.lots:
            before = lots.get(lot.lot_id)
            self.available += lot.available - (before.available if before is not None else 0)
            self.held += lot.held - (before.held if before is not None else 0)
        for hold_id in (event.closed, event.opened.hold_id if event.opened is not None else None):
            if hold_id is not None and hold_id in holds:
                self.on_holds -= holds[hold_id].amount
        if event.opened is not None:
            self.on_holds += event.opened.amount


class Pair(Protocol):
    """Both ledgers (side_by_side.py)."""

    book: Book
    naive: NaiveLedger
    walked: WalkedJournal
    lots: dict[int, Lot]
    live: dict[int, Lot]
    sums: Sums

    def account(self) -> Account: ...


def same_touched(side: Pair, command: c.Command, events: Iterable[Event], known: int, due_before: int) -> None:
    """Every total, and the lots, holds and limits that the events, or the facts since the first `known`, touched."""
    account = side.account()
    _same_totals(account, side.naive)
    facts = side.naive.history[known:]
    holds = {fact.hold for fact in facts if fact.hold is not None}
    numbers = {lot.lot_id for event in events for lot in event.lots}
    numbers.update([move.lot for fact in facts for move in fact.moves if move.lot])
    if isinstance(command, c.Reverse):
        numbers.add(side.naive.history.numbers[f"grant:{command.grant_id}"])
    _same_holds(side, holds)
    assert len(side.lots) == len(side.naive.lots)
    lots = [_same_lot(side, side.naive.lot(number)) for number in numbers]
    if isinstance(command, LimitCommand) or ((account.limited or side.naive.limits.any) and _moves(facts)):
        _same_limits(side)
    _sums_hold(side, account)
    rows = side.book.holds
    if account.due_at > due_before:
        _due_holds(account, side.live.values(), rows.values())
    else:
        _due_holds(account, lots, [rows[hold] for hold in holds if hold in rows])
    _lots_are_sound(account, lots)


def same_whole(side: Pair) -> None:
    """Everything."""
    account, naive = side.account(), side.naive
    lots, holds = list(side.book.lots.values()), list(side.book.holds.values())
    _same_totals(account, naive)
    _same_holds(side, side.book.holds)
    live = {lot.lot_id for lot in lots if lot.available or lot.held}
    assert live == side.live.keys()
    assert side.lots.keys() == {each.lot for each in naive.lots}
    for each in naive.lots:
        _same_lot(side, each)
    _same_limits(side)
    assert account.available == sum(lot.available for lot in lots), "I2"
    assert account.held == sum(lot.held for lot in lots), "I2"
    assert account.held == sum(hold.amount for hold in holds), "I3"
    _sums_hold(side, account)
    _lots_are_sound(account, lots)
    _held_lot_by_lot(lots, holds)
    _due_holds(account, lots, holds)
    held = {hold.hold_id: hold.amount for hold in holds if hold.amount}
    assert held == {hold_id: amount for hold_id, amount in side.walked.held_by.items() if amount}, "I7"


def _same_totals(account: Account, naive: NaiveLedger) -> None:
    assert (
        account.available, account.held, account.debt, account.covered, account.overage,
        max(0, account.overage_limit - account.overage), account.ai_enabled, account.period_used, account.period_end,
    ) == naive.standing()  # fmt: skip
    if len(naive.periods) > 1:
        assert account.period_start == naive.periods[-1][0]


def _same_holds(side: Pair, holds: Iterable[str]) -> None:
    """Which are open; of those named, what they hold."""
    rows, naive = side.book.holds, side.naive
    assert rows.keys() == naive.history.open
    for hold_id in holds:
        hold = rows.get(hold_id)
        assert (hold.amount if hold is not None else 0) == side.walked.held_by.get(hold_id, 0), "I7"
        if hold is None:
            continue
        assert hold.expires_at == naive.lapses_at(hold_id)
        assert [part for part in hold.lots if part[1]] == naive.pile(hold_id)
        assert hold.amount == sum([amount for _, amount in hold.lots])


def _moves(facts: Iterable[Fact]) -> bool:
    """Whether budgets count something of the facts."""
    return any(fact.moves and (fact.hold is not None or fact.cost is not None) for fact in facts)


def _same_lot(side: Pair, each: NaiveLot) -> Lot:
    number, total = each.lot, side.naive.history.totals.get
    row = side.lots[number]
    claw = row.claw or UNTOUCHED
    assert claw.reversed == total(("reversed:unspent", number), 0)
    assert claw.expired == total(("expired", number), 0)
    assert (claw.clawed, claw.frozen) == side.naive.reversals.target(number)
    available, held = total(("available", number), 0), total(("held", number), 0)
    assert (row.available, row.held) == (available, held)
    lot = side.book.lots.get(number)
    if lot is None:
        assert not available
        assert not held
        return row
    assert lot == row
    assert (lot.source, lot.paid, lot.priority, lot.expires_at, lot.granted_at) == (
        each.source, each.paid, each.priority, each.expires_at, each.at
    )  # fmt: skip
    return row


def _same_limits(side: Pair) -> None:
    account, naive = side.account(), side.naive.limits
    limits = side.book.limits or Limits()
    assert account.limited is limits.any
    assert {whom: pause.paused_at for whom, pause in limits.pauses.items()} == naive.paused()
    assert limits.budgets.keys() == naive.budgets().keys()
    for budget_id, said in naive.budgets().items():
        budget: Budget = at(limits.budgets[budget_id], account, account.last_at)
        assert (budget.name, budget.period, budget.scope) == (said.name, said.period, said.scope)
        assert budget.allowed == naive.allowed(said, account.last_at)
        assert budget.used == naive.used(said, account.last_at)
        assert budget.held == naive.held(said)


def _sums_hold(side: Pair, account: Account) -> None:
    sums = side.sums
    assert (account.available, account.held) == (sums.available, sums.held), "I2"
    assert account.held == sums.on_holds, "I3"
    assert min(account.available, account.held, account.debt, account.covered, account.overage) >= 0, "I10"


def _due_holds(account: Account, lots: Iterable[Lot], holds: Iterable[Hold]) -> None:
    due_at = account.due_at
    assert due_at <= account.period_end, "what falls due is never overlooked"
    for hold in holds:
        assert due_at <= hold.expires_at, "what falls due is never overlooked"
    for lot in lots:
        assert not lot.available or due_at <= (lot.expires_at or FAR), "what falls due is never overlooked"


def _lots_are_sound(account: Account, lots: Iterable[Lot]) -> None:
    for lot in lots:
        assert lot.available >= 0
        assert lot.held >= 0
        claw = lot.claw
        if claw is not None:
            assert claw != UNTOUCHED, "what is usual is left out"
            assert lot.available + lot.held + claw.reversed + claw.expired <= lot.granted
        assert lot.available + lot.held <= lot.granted
        assert not lot.available or (lot.expires_at or FAR) > account.last_at, "I4"


def _held_lot_by_lot(lots: Iterable[Lot], holds: Iterable[Hold]) -> None:
    on_hold: Counter[int] = Counter()
    for hold in holds:
        for lot_id, amount in hold.lots:
            on_hold[lot_id] += amount
    for lot in lots:
        assert lot.held == on_hold[lot.lot_id], "I3 lot by lot"
