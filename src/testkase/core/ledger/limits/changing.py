"""Changing limits: each change is one entry that moves no credits, its note the limit as it stands from then on."""

from typing import Any

import msgspec
from msgspec.structs import replace

from testkase.core.ledger.book import Book, Event
from testkase.core.ledger.calendar import local_day
from testkase.core.ledger.commands import Command
from testkase.core.ledger.credits import MAX_MICROCREDITS
from testkase.core.ledger.limits import commands as ask
from testkase.core.ledger.limits.model import Budget, Pause, Scope
from testkase.core.ledger.limits.periods import at, span
from testkase.core.ledger.limits.standing import Change, Limits, RemovedBudget
from testkase.core.ledger.model import Deltas, EntryKind
from testkase.core.ledger.posting import account_of, post
from testkase.core.ledger.refusals import BudgetNotFound, InvalidCommand, NotPaused, TooManyPauses

MAX_BUDGETS = 200
"""Budgets of one organization: every call is measured against each of them."""

MAX_PAUSES = 200
"""Pauses in force in one organization: every batch brings all of them."""

MAX_NAME, MAX_REF, MAX_REASON = 80, 200, 300
"""Characters."""

_encode = msgspec.json.Encoder().encode


class Noted(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the journal keeps of a budget. `removed`: nothing else is said."""

    budget_id: str
    name: str = ""
    scope: Scope = Scope()
    period: str = ""
    limit: int = 0
    extra: int = 0
    removed: bool = False


def noted(budget: Budget) -> Noted:
    return Noted(
        budget_id=budget.budget_id, name=budget.name, scope=budget.scope, period=budget.period, limit=budget.limit,
        extra=budget.extra,
    )  # fmt: skip


def set_budget(book: Book, command: ask.SetBudget, now: int) -> tuple[Event, ...]:
    """Needs every open hold loaded, and what the scope was charged by day."""
    limits, account = book.limits or Limits(), account_of(book)
    _check(command, limits)
    start, end = span(command.period, account, now)
    first_day = local_day(account.time_zone, start)
    days = limits.spent.get(command.scope, {})
    budget = Budget(
        org_id=command.org_id, budget_id=command.budget_id, name=command.name, scope=command.scope,
        period=command.period, limit=command.limit, period_start=start, period_end=end,
        used=sum(charged for day, charged in days.items() if day >= first_day),
        held=sum(hold.amount for hold in book.holds.values() if command.scope.covers(hold.subject)),
    )  # fmt: skip
    return _changed(book, command, now, kind="budget", change=budget, note=noted(budget))


def raise_budget(book: Book, command: ask.RaiseBudget, now: int) -> tuple[Event, ...]:
    budget = at(_budget(book, command.budget_id), account_of(book), now)
    if not 1 <= command.amount <= MAX_MICROCREDITS or budget.allowed + command.amount > MAX_MICROCREDITS:
        raise InvalidCommand("A raise is more than zero, and a limit at most a billion credits.", field="amount")
    field, value = ("limit", budget.limit) if command.for_good else ("extra", budget.extra)
    budget = replace(budget, **{field: value + command.amount})
    return _changed(book, command, now, kind="budget", change=budget, note=noted(budget))


def remove_budget(book: Book, command: ask.RemoveBudget, now: int) -> tuple[Event, ...]:
    _budget(book, command.budget_id)
    removed = RemovedBudget(org_id=command.org_id, budget_id=command.budget_id)
    note = Noted(budget_id=command.budget_id, removed=True)
    return _changed(book, command, now, kind="budget", change=removed, note=note)


def pause(book: Book, command: ask.Pause, now: int) -> tuple[Event, ...]:
    """Pausing what is paused already keeps the first instant and takes the new reason."""
    if command.kind not in ("user", "use_case") or not 1 <= len(command.ref) <= MAX_REF:
        raise InvalidCommand("A pause names one user or one use case.", field="ref")
    if not 1 <= len(command.reason) <= MAX_REASON or min(command.burned, command.usual) < 0:
        raise InvalidCommand("A pause says why in at most 300 characters.", field="reason")
    in_force = book.limits.pauses if book.limits else {}
    before = in_force.get((command.kind, command.ref))
    if before is None and len(in_force) >= MAX_PAUSES:
        raise TooManyPauses(
            f"{MAX_PAUSES} users and use cases are paused, which is the most at once. Resume one of them first, or"
            " switch AI off for everybody.",
            field="ref",
        )
    paused = Pause(
        org_id=command.org_id, kind=command.kind, ref=command.ref, reason=command.reason, burned=command.burned,
        usual=command.usual, paused_at=before.paused_at if before else now,
    )  # fmt: skip
    return _changed(book, command, now, kind="pause", change=paused, note=paused)


def resume(book: Book, command: ask.Resume, now: int) -> tuple[Event, ...]:
    paused = book.limits.pauses.get((command.kind, command.ref)) if book.limits else None
    if paused is None:
        raise NotPaused("Nothing of that name is paused.", field="ref")
    resumed = replace(paused, resumed_at=now)
    return _changed(book, command, now, kind="resume", change=resumed, note=resumed)


def _budget(book: Book, budget_id: str) -> Budget:
    budget = book.limits.budgets.get(budget_id) if book.limits else None
    if budget is None:
        raise BudgetNotFound("There is no such budget.", field="id")
    return budget


def _check(command: ask.SetBudget, limits: Limits) -> None:
    if not 1 <= len(command.budget_id) <= 64:
        raise InvalidCommand("A budget's id has 1 to 64 characters.", field="id")
    if not 1 <= len(command.name) <= MAX_NAME:
        raise InvalidCommand("A budget's name has 1 to 80 characters.", field="name")
    if not 0 <= command.limit <= MAX_MICROCREDITS:
        raise InvalidCommand("A limit is at least zero and at most a billion credits.", field="limit")
    if command.period not in ("day", "week", "month"):
        raise InvalidCommand("A period is `day`, `week` or `month`.", field="period")
    for part in ("project", "user", "use_case"):
        ref = getattr(command.scope, part)
        if ref is not None and not 1 <= len(ref) <= MAX_REF:
            raise InvalidCommand("What a budget is for has 1 to 200 characters.", field=part)
    if command.budget_id not in limits.budgets and len(limits.budgets) >= MAX_BUDGETS:
        raise InvalidCommand("An organization has at most 200 budgets. Remove one first.", field="id")


def _changed(
    book: Book, command: Command, now: int, *, kind: EntryKind, change: Change, note: msgspec.Struct
) -> tuple[Event, ...]:
    after = book.limits.copy() if book.limits else Limits()
    after.change(change)
    facts: dict[str, Any] = {"limited": after.any}
    event = post(
        account_of(book), kind=kind, operation_id=command.operation_id, at=now, deltas=Deltas(),
        fingerprint=command.fingerprint(), note=_encode(note).decode(), account_changes=facts,
    )  # fmt: skip
    return (replace(event, limit=change),)
