"""Limits between PostgreSQL's rows and `Limits`: what is asked with a batch, what came, and what must be written."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from testkase.core.ledger.commands import Command
from testkase.core.ledger.limits.commands import SetBudget
from testkase.core.ledger.limits.model import Budget, Pause, Scope
from testkase.core.ledger.limits.standing import Limits
from testkase.foundation.database import Row


class _AskedRow(msgspec.Struct, frozen=True):
    number: int
    org_id: int
    project: str | None
    user: str | None
    use_case: str | None


class _Spent(msgspec.Struct, frozen=True):
    number: int
    day: str
    charged: int


_encode = msgspec.json.Encoder().encode
_budgets = msgspec.json.Decoder(list[Budget]).decode
_pauses = msgspec.json.Decoder(list[Pause]).decode
_spent = msgspec.json.Decoder(list[_Spent]).decode


Asked = list[tuple[int, Scope]]
"""Organizations, each with a scope."""


def scopes_asked(commands: Sequence[Command]) -> Asked:
    """The scopes whose charges by day must be loaded: those of budgets that are set. None in the usual batch."""
    return list(dict.fromkeys((each.org_id, each.scope) for each in commands if isinstance(each, SetBudget)))


def scopes_parameter(asked: Asked) -> str | None:
    """The same as the statement takes them."""
    if not asked:
        return None
    rows = [
        _AskedRow(number, org_id, scope.project, scope.user, scope.use_case)
        for number, (org_id, scope) in enumerate(asked)
    ]
    return _encode(rows).decode()


def loaded_limits(asked: Asked, row: Row) -> dict[int, Limits]:
    """By organization; most have none."""
    if not (row["budgets"] or row["pauses"] or asked):
        return {}
    budgets: dict[int, list[Budget]] = defaultdict(list)
    for budget in _budgets(row["budgets"] or "[]"):
        budgets[budget.org_id].append(budget)
    pauses: dict[int, list[Pause]] = defaultdict(list)
    for pause in _pauses(row["pauses"] or "[]"):
        pauses[pause.org_id].append(pause)
    spent: dict[int, dict[Scope, dict[str, int]]] = defaultdict(dict)
    for org_id, scope in asked:
        spent[org_id][scope] = {}
    for each in _spent(row["spent"] or "[]"):
        org_id, scope = asked[each.number]
        spent[org_id][scope][each.day] = each.charged
    return {
        org_id: Limits(budgets[org_id], pauses[org_id], spent[org_id])
        for org_id in budgets.keys() | pauses.keys() | spent.keys()
    }


def changed_rows(all_limits: Iterable[Limits]) -> dict[str, list[Any]] | None:
    """What a batch changed, as the rows to write; None where it changed no limit."""
    rows: dict[str, list[Any]] = {"budgets": [], "removed": [], "pauses": []}
    for limits in all_limits:
        rows["budgets"] += [limits.budgets[budget_id] for budget_id in limits.changed_budgets]
        rows["removed"] += limits.removed.values()
        rows["pauses"] += limits.changed_pauses.values()
    return rows if any(rows.values()) else None
