"""Budgets and pauses as programs write and read them."""

from typing import Annotated, Literal

from msgspec import Struct

from testkase.core.ledger.credits import format_credits
from testkase.core.ledger.limits.model import Budget, Pause, Scope
from testkase.entrypoints.api.fields import Credits, Id, Name, Slug, instant, line, matching
from testkase.services.metering.limits.naming import BUDGET_ID_PATTERN

Title = Annotated[str, line(80, "For people.", "Web team")]
BudgetId = Annotated[
    str,
    matching(
        BUDGET_ID_PATTERN,
        "A budget's id has 1 to 64 characters: letters, digits and . _ ~ @ -, beginning with a letter or digit",
        "Made by the caller; never used again, also after the budget is removed.",
        "web-team",
    ),
]
Reason = Annotated[str, line(300, "Said to whoever is refused.")]
Period = Literal["day", "week", "month"]


class BudgetSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything about a budget. It counts the calls that have every one of `project`, `user` and `use_case` that is
    given; none given: every call. `month` is the billing month; periods begin at midnight in the billing zone."""

    name: Title
    limit: Credits
    period: Period
    project: Name | None = None
    user: Name | None = None
    use_case: Slug | None = None

    @property
    def scope(self) -> Scope:
        return Scope(project=self.project, user=self.user, use_case=self.use_case)


class NewBudget(BudgetSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new budget."""

    id: BudgetId | None = None


class BudgetView(Struct, frozen=True, kw_only=True):
    """A budget as it stands now. `extra` was added to the limit for this period only; `left` is what can still be
    held."""

    id: str
    name: str
    project: str | None
    user: str | None
    use_case: str | None
    period: Period
    limit: Credits
    extra: Credits
    used: Credits
    held: Credits
    left: Credits
    period_start: str
    resets_at: str

    @classmethod
    def of(cls, budget: Budget) -> "BudgetView":
        return cls(
            id=budget.budget_id, name=budget.name, project=budget.scope.project, user=budget.scope.user,
            use_case=budget.scope.use_case, period=budget.period, limit=format_credits(budget.limit),
            extra=format_credits(budget.extra), used=format_credits(budget.used), held=format_credits(budget.held),
            left=format_credits(budget.shown_left), period_start=instant(budget.period_start),
            resets_at=instant(budget.period_end),
        )  # fmt: skip


class BudgetList(Struct, frozen=True, kw_only=True):
    """All of them, widest first."""

    items: list[BudgetView]
    next_cursor: str | None


class Removed(Struct, frozen=True, kw_only=True):
    """It limits nothing any more."""

    id: str
    state: Literal["removed"] = "removed"


class Paused(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose new calls are refused, or allowed again: one user, or one use case."""

    kind: Literal["user", "use_case"]
    ref: Name
    id: Id | None = None


class NewPause(Paused, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A pause."""

    reason: Reason


class PauseView(Struct, frozen=True, kw_only=True):
    """A pause. `burned` went through in the ten minutes before, `usual` in the busiest ten of recent days; null where
    a person or program paused."""

    kind: Literal["user", "use_case"]
    ref: str
    reason: str
    burned: Credits | None
    usual: Credits | None
    paused_at: str
    resumed_at: str | None

    @classmethod
    def of(cls, pause: Pause) -> "PauseView":
        return cls(
            kind=pause.kind, ref=pause.ref, reason=pause.reason, paused_at=instant(pause.paused_at),
            burned=format_credits(pause.burned) if pause.burned else None,
            usual=format_credits(pause.usual) if pause.burned else None,
            resumed_at=instant(pause.resumed_at) if pause.resumed_at is not None else None,
        )  # fmt: skip


class PauseList(Struct, frozen=True, kw_only=True):
    """What is paused first, then what was."""

    items: list[PauseView]
    next_cursor: str | None
