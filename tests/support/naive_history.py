"""The naive model's history: a list of facts that is added up while it is written.

What it adds up follows from the facts alone, and `recount` does it again from the first one: so the sums are as naive
as adding up everything for every question, and many times as fast. Facts are only ever added or taken off the end.
"""

from collections import defaultdict
from typing import Any

from testkase.core.ledger import commands as c
from testkase.core.ledger.limits.commands import LimitCommand
from tests.support.naive_facts import Fact

RESOLVED = ("settle", "void", "lapse")
"""Facts after which a hold is no longer open."""
COVERED = "covered"
"""A tally beside the places: what the organization's own credits have paid of its debts and has not come back."""


class History(list[Fact]):
    """Facts in order, with what lies in each place, of each lot (None: of all)."""

    def __init__(self) -> None:
        super().__init__()
        self.totals: dict[tuple[str, int | None], int] = defaultdict(int)
        self.numbers: dict[str, int] = {}
        """Which fact it was that first had a name, counted from one."""
        self.told: dict[type[c.Command], list[Fact]] = defaultdict(list)
        """Facts by the kind of command they answer; those about limits under `LimitCommand` too, in order."""
        self.of_grant: dict[str, list[c.Reverse]] = defaultdict(list)
        """What was said of each grant's payment."""
        self.of_hold: dict[str, list[Fact]] = defaultdict(list)
        self.open: set[str] = set()
        self.used_before: list[int] = []
        """What had been used when each period began."""
        self.charges: list[Fact] = []
        """Facts that cost something."""

    def append(self, fact: Fact) -> None:
        self._add_up(fact)
        super().append(fact)
        self.numbers.setdefault(fact.operation, len(self))
        if fact.command is not None:
            self._told(fact.command, fact)
        if fact.hold is not None:
            self.of_hold[fact.hold].append(fact)

    def _add_up(self, fact: Fact) -> None:
        kind = fact.kind
        if kind == "allowance":
            self.used_before.append(self.totals["used", None])
        if fact.moves:
            self._count(fact, 1)
        if fact.hold is not None:
            if kind == "hold":
                self.open.add(fact.hold)
            elif kind in RESOLVED:
                self.open.discard(fact.hold)
        if fact.cost:
            self.charges.append(fact)

    def pop(self, index: Any = -1) -> Fact:
        assert index == -1, "only the end can be taken off"
        fact = super().pop()
        if self.numbers[fact.operation] > len(self):
            del self.numbers[fact.operation]
        if fact.moves:
            self._count(fact, -1)
        if fact.command is not None:
            self._untold(fact.command)
        if fact.kind == "allowance":
            self.used_before.pop()
        if fact.hold is not None:
            self.of_hold[fact.hold].pop()
            if fact.kind == "hold":
                self.open.discard(fact.hold)
            elif fact.kind in RESOLVED:
                self.open.add(fact.hold)
        if fact.cost:
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

    def named(self, operation: str) -> Fact | None:
        number = self.numbers.get(operation)
        return self[number - 1] if number is not None else None

    def recount(self) -> "History":
        """The same, added up again from the first fact."""
        again = History()
        for fact in self:
            again._add_up(fact)
        return again

    def same_sums(self, other: "History") -> bool:
        """Whether both add up to the same."""
        mine, theirs = ({key: n for key, n in each.totals.items() if n} for each in (self, other))
        return (mine, self.open, self.used_before, self.charges) == (
            theirs, other.open, other.used_before, other.charges
        )  # fmt: skip

    def _told(self, command: c.Command, fact: Fact) -> None:
        self.told[type(command)].append(fact)
        if isinstance(command, LimitCommand):
            self.told[LimitCommand].append(fact)
        elif isinstance(command, c.Reverse):
            self.of_grant[command.grant_id].append(command)

    def _untold(self, command: c.Command) -> None:
        self.told[type(command)].pop()
        if isinstance(command, LimitCommand):
            self.told[LimitCommand].pop()
        elif isinstance(command, c.Reverse):
            self.of_grant[command.grant_id].pop()

    def _count(self, fact: Fact, sign: int) -> None:
        totals = self.totals
        for move in fact.moves:
            amount, lot, source, target = sign * move.amount, move.lot, move.source, move.target
            totals[source, None] -= amount
            totals[source, lot] -= amount
            totals[target, None] += amount
            totals[target, lot] += amount
            if source.startswith("held:"):
                totals["held", None] -= amount
                totals["held", lot] -= amount
            if target.startswith("held:"):
                totals["held", None] += amount
                totals["held", lot] += amount
            elif target == "debt" and fact.kind != "write_off" and source != "reversed":
                totals[COVERED, None] += amount
            elif source == "reversed" and target == "available":
                totals[COVERED, None] -= amount
