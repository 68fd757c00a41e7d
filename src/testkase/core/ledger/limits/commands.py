"""What can be asked about limits. Like every command they carry the caller's id for the effect, are serialized with the
holds of their organization, and stand in its journal for ever."""

from testkase.core.ledger.commands import Command
from testkase.core.ledger.limits.model import PauseKind, Period, Scope


class LimitCommand(Command, frozen=True, kw_only=True):
    """`change_id`: the caller's id for this change."""

    change_id: str

    @property
    def operation_id(self) -> str:
        return f"limit:{self.change_id}"


class SetBudget(LimitCommand, frozen=True, kw_only=True):
    """Make a budget, or change everything about one. What was used this period and what is held counts at once; an
    addition for this period only is over."""

    budget_id: str
    name: str
    limit: int
    period: Period
    scope: Scope = Scope()


class RaiseBudget(LimitCommand, frozen=True, kw_only=True):
    """Add to a budget's limit: for what is left of its period, or for good."""

    budget_id: str
    amount: int
    for_good: bool = False


class RemoveBudget(LimitCommand, frozen=True, kw_only=True):
    """The budget no longer limits anything."""

    budget_id: str


class Pause(LimitCommand, frozen=True, kw_only=True):
    """Refuse new calls of one user or one use case. `burned` and `usual`: what the runaway guard saw, if it was it."""

    kind: PauseKind
    ref: str
    reason: str
    burned: int = 0
    usual: int = 0


class Resume(LimitCommand, frozen=True, kw_only=True):
    """Allow them again."""

    kind: PauseKind
    ref: str
