"""An organization's budgets and pauses as one batch sees them. Most organizations have none, and no such object."""

from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from testkase.core.ledger.calendar import local_day
from testkase.core.ledger.limits.model import Budget, Pause, Scope
from testkase.core.ledger.limits.periods import at
from testkase.core.ledger.model import Account, Entry, Subject


class RemovedBudget(msgspec.Struct, frozen=True, kw_only=True):
    """A budget that goes."""

    org_id: int
    budget_id: str


Change = Budget | Pause | RemovedBudget
"""What a limit command does."""


class Limits:
    """Budgets by id and the pauses in force; and for commands that need it, what scopes were charged by day."""

    __slots__ = ("budgets", "changed_budgets", "changed_pauses", "pauses", "removed", "spent")

    def __init__(
        self,
        budgets: Iterable[Budget] = (),
        pauses: Iterable[Pause] = (),
        spent: dict[Scope, dict[str, int]] | None = None,
    ) -> None:
        self.budgets = {budget.budget_id: budget for budget in budgets}
        self.pauses = {(pause.kind, pause.ref): pause for pause in pauses}
        self.spent: dict[Scope, dict[str, int]] = spent if spent is not None else {}
        self.changed_budgets: set[str] = set()
        self.removed: dict[str, RemovedBudget] = {}
        self.changed_pauses: dict[tuple[str, str], Pause] = {}

    def copy(self) -> "Limits":
        """A scratch copy; what it remembers as changed is its own."""
        other = Limits(self.budgets.values(), self.pauses.values())
        other.spent = {scope: dict(days) for scope, days in self.spent.items()}
        return other

    @property
    def any(self) -> bool:
        """Whether anything is limited: the account remembers it, so that nobody else looks for limits."""
        return bool(self.budgets or self.pauses)

    def count(self, account: Account, subject: Subject, entry: Entry) -> None:
        """Move what the entry held, released or charged for `subject` in every budget that covers it."""
        held, used = entry.deltas.held, entry.deltas.used
        if not held and not used:
            return
        for budget in self.budgets.values():
            if budget.scope.covers(subject):
                now = at(budget, account, entry.at)
                self.budgets[budget.budget_id] = replace(now, held=now.held + held, used=now.used + used)
                self.changed_budgets.add(budget.budget_id)
        for scope, days in self.spent.items():
            if used and scope.covers(subject):
                day = local_day(account.time_zone, entry.at)
                days[day] = days.get(day, 0) + used

    def change(self, change: Change) -> None:
        """Carry out what a limit command decided."""
        if isinstance(change, Budget):
            self.budgets[change.budget_id] = change
            self.changed_budgets.add(change.budget_id)
            self.removed.pop(change.budget_id, None)
        elif isinstance(change, Pause):
            self.changed_pauses[change.kind, change.ref] = change
            self.pauses.pop((change.kind, change.ref), None)
            if change.resumed_at is None:
                self.pauses[change.kind, change.ref] = change
        else:
            del self.budgets[change.budget_id]
            self.changed_budgets.discard(change.budget_id)
            self.removed[change.budget_id] = change
