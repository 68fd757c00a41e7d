"""The naive model's history: a list of facts that is added up while it is written.

What it adds up follows from the facts alone, and `recount` does it again from the first one: so the sums are as naive
as adding up everything for every question, and many times as fast. Facts are only ever added or taken off the end.
"""

from collections import defaultdict
from typing import Any

from testkase.core.ledger import commands as c
from testkase.core.ledger.limits.commands import LimitCommand
from tests.support.naive_facts import Fact

COVERED = "covered"
"""A tally beside the places: what the organization's own credits have paid of its debts and has not come back."""


class History(list[Fact]):
    """Facts in order, with what lies in each place, of each lot (None: of all)."""

    def __init__(self) -> None:
        super().__init__()
        self.totals: dict[tuple[str, int | None], int] = defaultdict(int)
        self.named: dict[str, Fact] = {}
        self.told: dict[type[c.Command], list[Fact]] = defaultdict(list)
        """Facts by the kind of command they answer; those about limits under `LimitCommand` too, in order."""
        self.of_grant: dict[str, list[c.Reverse]] = defaultdict(list)
        """What was said of each grant's payment."""
        self.of_hold: dict[str, list[Fact]] = defaultdict(list)
        self.open: set[str] = set()
        self.used_before: list[int] = []
        """What had been used when each period began."""
        self.charges: list[Fact] = []

    def append(self, fact: Fact) -> None:
        if fact.kind == "allowance":
            self.used_before.append(self.totals["used", None])
        super().append(fact)
        self._count(fact, 1)
        self.named.setdefault(fact.operation, fact)
        for kind in self._kinds(fact):
            self.told[kind].append(fact)
        if isinstance(fact.command, c.Reverse):
            self.of_grant[fact.command.grant_id].append(fact.command)
        for hold in self._holds(fact):
            self.of_hold[hold].append(fact)
        if fact.kind == "hold" and fact.hold:
            self.open.add(fact.hold)
        elif fact.operation.startswith("resolution:"):
            self.open.discard(fact.operation.removeprefix("resolution:"))
        if any(move.target == "used" for move in fact.moves):
            self.charges.append(fact)

    def pop(self, index: Any = -1) -> Fact:
        assert index == -1, "only the end can be taken off"
        fact = super().pop()
        self._count(fact, -1)
        if self.named[fact.operation] is fact:
            del self.named[fact.operation]
        for kind in self._kinds(fact):
            self.told[kind].pop()
        if isinstance(fact.command, c.Reverse):
            self.of_grant[fact.command.grant_id].pop()
        for hold in self._holds(fact):
            self.of_hold[hold].pop()
        if fact.kind == "allowance":
            self.used_before.pop()
        elif fact.kind == "hold" and fact.hold:
            self.open.discard(fact.hold)
        elif fact.operation.startswith("resolution:"):
            self.open.add(fact.operation.removeprefix("resolution:"))
        if self.charges and self.charges[-1] is fact:
            self.charges.pop()
        return fact

    def cut(self, length: int) -> None:
        """As it was when it had so many facts."""
        while len(self) > length:
            self.pop()

    def last(self, kind: type[c.Command]) -> c.Command | None:
        """The latest command of a kind that was carried out."""
        told = self.told[kind]
        return told[-1].command if told else None

    def recount(self) -> "History":
        """The same, added up again from the first fact."""
        again = History()
        for fact in self:
            again.append(fact)
        return again

    def same_sums(self, other: "History") -> bool:
        """Whether both add up to the same."""
        mine, theirs = ({key: n for key, n in each.totals.items() if n} for each in (self, other))
        return (mine, self.open, self.used_before, self.charges) == (
            theirs, other.open, other.used_before, other.charges
        )  # fmt: skip

    def _count(self, fact: Fact, sign: int) -> None:
        totals = self.totals
        for move in fact.moves:
            for place, amount in ((move.source, -sign * move.amount), (move.target, sign * move.amount)):
                totals[place, None] += amount
                totals[place, move.lot] += amount
                if place.startswith("held:"):
                    totals["held", None] += amount
                    totals["held", move.lot] += amount
            if fact.kind != "write_off" and move.target == "debt" and move.source != "reversed":
                totals[COVERED, None] += sign * move.amount
            if (move.source, move.target) == ("reversed", "available"):
                totals[COVERED, None] -= sign * move.amount

    @staticmethod
    def _kinds(fact: Fact) -> tuple[type[c.Command], ...]:
        if fact.command is None:
            return ()
        kind = type(fact.command)
        return (kind, LimitCommand) if isinstance(fact.command, LimitCommand) else (kind,)

    @staticmethod
    def _holds(fact: Fact) -> set[str]:
        places = {place for move in fact.moves for place in (move.source, move.target) if place.startswith("held:")}
        return {place.removeprefix("held:") for place in places} | ({fact.hold} if fact.hold else set())
