"""Reading limits. Operations to be run in a transaction that has the organization's context."""

from typing import Any

from testkase.core.ledger.limits.admission import check_budgets, check_pauses, tightest_of
from testkase.core.ledger.limits.model import Budget, Pause, PauseKind, Scope
from testkase.core.ledger.limits.periods import at
from testkase.core.ledger.limits.standing import Limits
from testkase.core.ledger.model import Account, Subject
from testkase.core.ledger.refusals import BudgetExceeded, BudgetNotFound, Paused
from testkase.foundation.database import Operation, Row, Statement, named_statements
from testkase.foundation.problems import Problem

_SQL = named_statements("testkase.core.ledger.limits.sql", "queries.sql")


def budgets(org_id: int) -> Operation[list[Budget]]:
    """Every budget as it stands now, widest scope first."""
    rows = yield Statement(_SQL["budgets"], {"org_id": org_id})
    return [_budget(org_id, row) for row in rows]


def budget(org_id: int, budget_id: str) -> Operation[Budget]:
    """Raises BudgetNotFound."""
    for each in (yield from budgets(org_id)):
        if each.budget_id == budget_id:
            return each
    raise BudgetNotFound("There is no such budget.", field="id")


def pauses(org_id: int) -> Operation[list[Pause]]:
    """All that is paused, then the latest of what was and has been resumed: newest first, 200 together."""
    rows = yield Statement(_SQL["pauses"], {"org_id": org_id})
    return [Pause(org_id=org_id, **row) for row in rows]


def pause_of(org_id: int, kind: PauseKind, ref: str) -> Operation[Pause | None]:
    """The latest pause of one user or use case, in force or over."""
    rows = yield Statement(_SQL["pause"], {"org_id": org_id, "kind": kind, "ref": ref})
    return Pause(org_id=org_id, **rows[0]) if rows else None


def check_admission(org_id: int, subject: Subject, amount: int) -> Operation[None]:
    """Whether a call would be refused by limits as things stand, before anything is begun for it; the hold decides.

    Raises Paused, BudgetExceeded.
    """
    _check(org_id, (yield from _in_force(org_id)), subject, amount)


def limits_on(org_id: int, subject: Subject, amount: int) -> Operation[tuple[Budget | None, Problem | None]]:
    """Of the budgets that such a call counts in the one that leaves least, and why a limit would refuse it."""
    found = yield from _in_force(org_id)
    tightest = tightest_of(budget for budget in found.budgets.values() if budget.scope.covers(subject))
    try:
        _check(org_id, found, subject, amount)
    except (Paused, BudgetExceeded) as problem:
        return tightest, problem
    return tightest, None


def _in_force(org_id: int) -> Operation[Limits]:
    return Limits((yield from budgets(org_id)), [p for p in (yield from pauses(org_id)) if p.resumed_at is None])


def _check(org_id: int, found: Limits, subject: Subject, amount: int) -> None:
    check_pauses(found, subject)
    check_budgets(found, Account(org_id=org_id), subject, amount, now=0)  # they are as of now already


def _budget(org_id: int, row: Row) -> Budget:
    facts: dict[str, Any] = {name: row[name] for name in row if name in Budget.__struct_fields__}
    scope = Scope(project=row["project_ref"], user=row["user_ref"], use_case=row["use_case"])
    found = Budget(org_id=org_id, scope=scope, limit=row["limit_amount"], extra=row["extra_amount"], **facts)
    account = Account(org_id=org_id, anchor_day=row["anchor_day"], time_zone=row["time_zone"])
    return at(found, account, row["now"])
