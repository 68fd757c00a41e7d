"""May this call be admitted, as far as limits go?"""

from collections.abc import Iterable

from testkase.core.ledger.calendar import from_micros
from testkase.core.ledger.credits import grouped_credits
from testkase.core.ledger.limits.model import Budget
from testkase.core.ledger.limits.periods import at
from testkase.core.ledger.limits.standing import Limits
from testkase.core.ledger.model import Account, Subject
from testkase.core.ledger.refusals import BudgetExceeded, Paused

_EACH = {"day": "daily", "week": "weekly", "month": "monthly"}


def check_pauses(limits: Limits, subject: Subject) -> None:
    """Raises Paused."""
    if not limits.pauses:
        return
    pause = limits.pauses.get(("user", subject.user)) or limits.pauses.get(("use_case", subject.use_case))
    if pause is not None:
        whom = f"of {pause.ref}" if pause.kind == "user" else f"for {pause.ref}"
        next_step = "Your Owner or an admin can resume it under Settings → AI Credits."
        raise Paused(
            f"AI use {whom} is paused: {pause.because} {next_step}",
            kind=pause.kind, ref=pause.ref, reason=pause.reason, paused_at=pause.paused_at,
        )  # fmt: skip


def check_budgets(limits: Limits, account: Account, subject: Subject, amount: int, now: int) -> None:
    """Raises BudgetExceeded, naming the one that leaves least. `amount`: what is to be held or charged; what costs
    nothing is never refused, also where a call has overrun the limit."""
    if not amount:
        return
    standing = [at(budget, account, now) for budget in limits.budgets.values() if budget.scope.covers(subject)]
    tightest = tightest_of(standing)
    if tightest is not None and amount > tightest.left:
        raise _exceeded(tightest, account, amount)


def tightest_of(covering: Iterable[Budget]) -> Budget | None:
    """Of the budgets that a call counts in, as they stand now, the one that leaves it least."""
    return min(covering, key=lambda budget: (budget.left, budget.budget_id), default=None)


def _exceeded(budget: Budget, account: Account, amount: int) -> BudgetExceeded:
    on = from_micros(budget.period_end).strftime("%-d %b %Y %H:%M UTC")
    return BudgetExceeded(
        f"This needs {grouped_credits(amount)} credits. The {_EACH[budget.period]} budget “{budget.name}” of"
        f" {grouped_credits(budget.allowed)} has {grouped_credits(budget.shown_left)} left; it begins anew on {on}."
        " Your Owner or an admin can raise it.",
        budget_id=budget.budget_id, budget=budget.name, project=budget.scope.project, user=budget.scope.user,
        use_case=budget.scope.use_case, period=budget.period, limit=budget.allowed, used=budget.used, held=budget.held,
        needed=amount, resets_at=budget.period_end,
    )  # fmt: skip
