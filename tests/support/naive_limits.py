"""Budgets and pauses worked out the slow way: from the whole history, again for every question.

A budget is the last thing that was set under its id, with the raises since. What counts is what the history charged in
the period that contains the instant, and what lies in open holds, wherever the subject of the call is in its scope.
"""

from collections.abc import Iterator
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from testkase.core.ledger import commands as c
from testkase.core.ledger import refusals as r
from testkase.core.ledger.limits import commands as limit
from testkase.core.ledger.limits.model import Scope
from testkase.core.ledger.model import Subject
from tests.support.naive_calendar import SECOND

if TYPE_CHECKING:
    from tests.support.naive_facts import Fact
    from tests.support.naive_ledger import NaiveLedger

MOST = 10**15
MOST_PAUSED = 200


def in_scope(scope: Scope, subject: Subject) -> bool:
    wanted = [(scope.project, subject.project), (scope.user, subject.user), (scope.use_case, subject.use_case)]
    return all(want is None or want == given for want, given in wanted)


@lru_cache(maxsize=10_000)
def day_of(second: int, zone: str) -> date:
    """What the zone's calendars show."""
    return datetime.fromtimestamp(second, ZoneInfo(zone)).date()


class NaiveLimits:
    """What the history of one organization says about its limits."""

    def __init__(self, ledger: "NaiveLedger") -> None:
        self.ledger = ledger

    def budgets(self) -> dict[str, limit.SetBudget]:
        """Those that are set, by id."""
        found: dict[str, limit.SetBudget] = {}
        for fact in self.ledger.history.told[limit.LimitCommand]:
            if isinstance(fact.command, limit.SetBudget):
                found[fact.command.budget_id] = fact.command
            elif isinstance(fact.command, limit.RemoveBudget):
                del found[fact.command.budget_id]
        return found

    def allowed(self, budget: limit.SetBudget, now: int) -> int:
        """The limit with what was added to it since it was set: for good, or in the period that contains `now`."""
        total = budget.limit
        history = self.ledger.history.told[limit.LimitCommand]
        since = max(index for index, fact in enumerate(history) if fact.command == budget)
        for fact in history[since:]:
            more = fact.command
            if isinstance(more, limit.RaiseBudget) and more.budget_id == budget.budget_id:
                total += more.amount if more.for_good or self._same_period(budget, fact.at, now) else 0
        return total

    def used(self, budget: limit.SetBudget, now: int) -> int:
        return sum(
            move.amount
            for fact in self.ledger.history.charges
            if (subject := self._subject(fact)) is not None
            and in_scope(budget.scope, subject)
            and self._same_period(budget, fact.at, now)
            for move in fact.moves
            if move.target == "used"
        )

    def held(self, budget: limit.SetBudget) -> int:
        holds = [hold for hold in self.ledger.open_holds() if in_scope(budget.scope, self._subject_of_hold(hold))]
        return sum(self.ledger.total(f"held:{hold}") for hold in holds)

    def paused(self) -> dict[tuple[str, str], int]:
        """Who is paused, and since when: pausing again changes the reason alone."""
        found: dict[tuple[str, str], int] = {}
        for fact in self.ledger.history.told[limit.LimitCommand]:
            if isinstance(fact.command, limit.Pause):
                found.setdefault((fact.command.kind, fact.command.ref), fact.at)
            elif isinstance(fact.command, limit.Resume):
                del found[fact.command.kind, fact.command.ref]
        return found

    def admission(self, subject: Subject, amount: int, now: int) -> Iterator[type[Exception]]:
        """Why a new call, or more for one, is refused by limits."""
        if {("user", subject.user), ("use_case", subject.use_case)} & self.paused().keys():
            yield r.Paused
        for budget in self.budgets().values():
            gone = self.used(budget, now) + self.held(budget)
            if amount and in_scope(budget.scope, subject) and gone + amount > self.allowed(budget, now):
                yield r.BudgetExceeded

    def refusals(self, command: limit.LimitCommand, now: int) -> Iterator[type[Exception]]:
        """Why a change of limits is refused."""
        budget = self.budgets().get(getattr(command, "budget_id", ""))
        match command:
            case limit.SetBudget(limit=amount, name=name):
                if not 0 <= amount <= MOST or not name:
                    yield r.InvalidCommand
            case limit.RaiseBudget(amount=amount):
                if budget is None:
                    yield r.BudgetNotFound
                if amount < 1 or amount + (self.allowed(budget, now) if budget else 0) > MOST:
                    yield r.InvalidCommand
            case limit.RemoveBudget() if budget is None:
                yield r.BudgetNotFound
            case limit.Pause(kind=kind, ref=ref) if len(self.paused() | {(kind, ref): 0}) > MOST_PAUSED:
                yield r.TooManyPauses
            case limit.Resume(kind=kind, ref=ref) if (kind, ref) not in self.paused():
                yield r.NotPaused

    def subject_of(self, command: c.Command) -> Subject | None:
        """Whose call a command is about; None where there is no such hold."""
        if isinstance(command, c.OpenHold | c.RecordUsage):
            return command.subject
        hold = getattr(command, "hold_id", None)
        return self._subject_of_hold(hold) if hold and self.ledger.find(f"hold:{hold}") else None

    def _subject_of_hold(self, hold: str) -> Subject:
        opened = self.ledger.find(f"hold:{hold}")
        assert opened is not None
        assert isinstance(opened.command, c.OpenHold)
        return opened.command.subject

    def _subject(self, fact: "Fact") -> Subject | None:
        if fact.hold is not None:
            return self._subject_of_hold(fact.hold)
        return fact.command.subject if isinstance(fact.command, c.RecordUsage) else None

    def _same_period(self, budget: limit.SetBudget, one: int, other: int) -> bool:
        if budget.period == "month":
            ends = [end for _, end in self.ledger.periods]
            return sum(end <= one for end in ends) == sum(end <= other for end in ends)
        assert self.ledger.opening is not None
        days = [day_of(instant // SECOND, self.ledger.opening.time_zone) for instant in (one, other)]
        if budget.period == "week":
            return days[0].isocalendar()[:2] == days[1].isocalendar()[:2]
        return days[0] == days[1]
