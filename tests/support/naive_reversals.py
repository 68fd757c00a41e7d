"""Refunds and disputes as the naive model knows them: everything is counted again from the facts, every time."""

from typing import Protocol

from testkase.core.ledger import commands as c
from tests.support.naive_facts import Fact, Move, NaiveLot
from tests.support.naive_history import COVERED, History


class State(Protocol):
    """What reversals depend on."""

    history: History
    lots: list[NaiveLot]

    @property
    def debt(self) -> int: ...
    def total(self, place: str, lot: int | None = None) -> int: ...
    def ends_at(self, lot: int) -> int | None: ...


class NaiveReversals:
    """What the provider says it has taken back, and what must follow."""

    def __init__(self, state: State) -> None:
        self.state = state

    def target(self, lot: int) -> tuple[int, bool]:
        """What was said last of the purchase a lot came with: how many credits, and whether it is in dispute."""
        issued_by = self.state.history[lot - 1].operation
        if not issued_by.startswith("grant:"):
            return (0, False)
        said = self.state.history.of_grant.get(issued_by.removeprefix("grant:"))
        return (said[-1].clawed, said[-1].frozen) if said else (0, False)

    def owed(self) -> int:
        """Credits taken back though they were spent, of all lots. What a call holds is spent until it comes back."""
        total, owed = self.state.total, 0
        for lot in self.spoken_of():
            granted = -total("issued", lot)
            spent = total("used", lot) + total("held", lot) + total("debt", lot) + total("reversed", lot)
            owed += max(self.target(lot)[0] - (granted - spent), 0)
        return owed

    def spoken_of(self) -> list[int]:
        """Lots of whose payment something was ever heard."""
        history = self.state.history
        return sorted(history.numbers[f"grant:{grant}"] for grant, said in history.of_grant.items() if said)

    def covered(self) -> int:
        """What the organization's own credits have paid of its debts and has not come back."""
        return self.state.total(COVERED)

    def follow(self, moves: list[Move], at: int, command: c.Command | None = None) -> list[Move]:
        """The moves, and those that refunds and disputes make of them. `command` may be a new word from the bank."""
        history = self.state.history
        if command is None and not history.told[c.Reverse]:
            return moves  # nothing was ever taken back
        before = self.owed()
        history.append(Fact("what would be", "", at, tuple(moves), command))
        for lot in self.spoken_of():
            if further := self._in_lot(lot, at):
                moves = [*moves, *further]
                history.pop()
                history.append(Fact("what would be", "", at, tuple(moves), command))
        change = self.owed() - before
        history.pop()
        return [*moves, *self._of_debt(change, at)]

    def _in_lot(self, lot: int, at: int) -> list[Move]:
        """What is kept from use: all that is unspent while in dispute, else as much of it as was taken back. Once the
        lot's time is over nothing more is found in it, and what is let go has expired."""
        taken, frozen = self.target(lot)
        kept = self.state.total("reversed:unspent", lot)
        ends = self.state.ends_at(lot)
        over = ends is not None and ends <= at
        unspent = kept if over else kept + self.state.total("available", lot)
        keep = unspent if frozen else min(taken, unspent)
        if keep > kept:
            return [Move(lot, "available", "reversed:unspent", keep - kept)]
        return [Move(lot, "reversed:unspent", "expired" if over else "available", kept - keep)] if keep < kept else []

    def _of_debt(self, change: int, at: int) -> list[Move]:
        """More owed is more debt. Less owed is less debt; what had been paid comes back for good; what had been
        forgiven is no longer."""
        if change >= 0:
            return [Move(0, "debt", "reversed", change)]
        cancelled = min(-change, self.state.debt)
        back = min(-change - cancelled, self.covered())
        lot = len(self.state.history) + 1
        if back:
            self.state.lots.append(NaiveLot(lot, "adjustment", False, 0, None, at))
        forgiven = -change - cancelled - back
        return [
            Move(0, "reversed", "debt", cancelled),
            Move(lot, "reversed", "available", back),
            Move(0, "reversed", "issued", forgiven),
        ]
