"""Budgets and pauses worked out the slow way: from the whole history, again for every question.

A budget is the last thing that was set under its id, with the raises since. What counts is what the history charged in
the period that contains the instant, and what lies in open holds, wherever the subject of the call is in its scope.
"""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from testkase.core.ledger import commands as c
from testkase.core.ledger import refusals as r
from testkase.core.ledger.limits import commands as limit
from testkase.core.ledger.limits.model import Scope
from testkase.core.ledger.model import Subject
from tests.support.naive_calendar import SECOND, first_second_of

if TYPE_CHECKING:
    from tests.support.naive_facts import Fact
    from tests.support.naive_ledger import NaiveLedger

MOST = 10**15
_OF_A_CALL = c.OpenHold | c.RecordUsage
MOST_PAUSED = 200


def in_scope(scope: Scope, subject: Subject) -> bool:
    """Whether all that the scope names is so."""
    return (
        scope.project in (None, subject.project)
        and scope.user in (None, subject.user)
        and scope.use_case in (None, subject.use_case)
    )


@lru_cache(maxsize=10_000)
def day_of(second: int, zone: str) -> date:
    """What the zone's calendars show."""
    return datetime.fromtimestamp(second, ZoneInfo(zone)).date()


class NaiveLimits:
    """What the history of one organization says about its limits."""

    def __init__(self, ledger: "NaiveLedger") -> None:
        self.ledger = ledger
        self._read_to: Fact | None = None
        self._budgets: dict[str, limit.SetBudget] = {}
        self._paused: dict[tuple[str, str], int] = {}

    def budgets(self) -> dict[str, limit.SetBudget]:
        """Those that are set, by id."""
        self._read()
        return self._budgets

    @property
    def any(self) -> bool:
        return bool(self.budgets() or self.paused())

    def paused(self) -> dict[tuple[str, str], int]:
        """Who is paused, and since when: pausing again changes the reason alone."""
        self._read()
        return self._paused

    def _read(self) -> None:
        """All facts about limits, from the first, unless the last of them is the one that was read last."""
        facts = self.ledger.history.told[limit.LimitCommand]
        last = facts[-1] if facts else None
        if last is self._read_to:
            return
        self._read_to, self._budgets, self._paused = last, {}, {}
        for fact in facts:
            match fact.command:
                case limit.SetBudget(budget_id=name) as budget:
                    self._budgets[name] = budget
                case limit.RemoveBudget(budget_id=name):
                    del self._budgets[name]
                case limit.Pause(kind=kind, ref=ref):
                    self._paused.setdefault((kind, ref), fact.at)
                case limit.Resume(kind=kind, ref=ref):
                    del self._paused[kind, ref]

    def allowed(self, budget: limit.SetBudget, now: int) -> int:
        """The limit with what was added to it since it was set: for good, or in the period that contains `now`."""
        total, began = budget.limit, self._began(budget, now)
        for fact in reversed(self.ledger.history.told[limit.LimitCommand]):
            more = fact.command
            if more == budget:
                break
            if isinstance(more, limit.RaiseBudget) and more.budget_id == budget.budget_id:
                total += more.amount if more.for_good or fact.at >= began else 0
        return total

    def used(self, budget: limit.SetBudget, now: int) -> int:
        """Charges are in the order of time, so those of this period are the last ones."""
        total, began = 0, self._began(budget, now)
        for fact in reversed(self.ledger.history.charges):
            if fact.at < began:
                break
            if (subject := self._subject(fact)) is not None and in_scope(budget.scope, subject):
                total += sum([move.amount for move in fact.moves if move.target == "used"])
        return total

    def held(self, budget: limit.SetBudget) -> int:
        holds = [hold for hold in self.ledger.history.open if in_scope(budget.scope, self._subject_of_hold(hold))]
        return sum(self.ledger.total(f"held:{hold}") for hold in holds)

    def admission(self, subject: Subject, amount: int, now: int) -> Iterator[type[Exception]]:
        """Why a new call, or more for one, is refused by limits."""
        paused = self.paused()
        if ("user", subject.user) in paused or ("use_case", subject.use_case) in paused:
            yield r.Paused
        for budget in self.budgets().values() if amount else ():
            if in_scope(budget.scope, subject):
                gone = self.used(budget, now) + self.held(budget)
                if gone + amount > self.allowed(budget, now):
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
        if isinstance(command, _OF_A_CALL):
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

    def _began(self, budget: limit.SetBudget, now: int) -> int:
        """When the period that contains `now` began: nothing in the history is later than `now`."""
        if budget.period == "month":
            return max([end for _, end in self.ledger.periods if end <= now], default=0)
        assert self.ledger.opening is not None
        zone = self.ledger.opening.time_zone
        day = day_of(now // SECOND, zone)
        if budget.period == "week":
            day -= timedelta(days=day.weekday())
        return first_second_of(day, ZoneInfo(zone))
