"""Setting, raising and removing budgets, pausing and resuming: the ledger's command and its record in the activity
history, in one transaction. All need the organization's context."""

from testkase.core.ledger.credits import grouped_credits
from testkase.core.ledger.limits import commands as ask
from testkase.core.ledger.limits.model import Budget, PauseKind, Period, Scope
from testkase.core.ledger.limits.queries import budget
from testkase.core.ledger.operations import execute_one
from testkase.core.ledger.refusals import BudgetNotFound
from testkase.foundation.database import Operation
from testkase.foundation.problems import Conflict, InvalidInput
from testkase.foundation.text import is_printable
from testkase.services.audit import Activity, Actor, record
from testkase.services.metering.limits.closing import close_requests

EACH = {"day": "day", "week": "week", "month": "billing month"}


def create_budget(
    org_id: int, actor: Actor, *, budget_id: str, name: str, limit: int, period: Period, scope: Scope
) -> Operation[tuple[Budget, bool]]:
    """A new budget, and whether it was made before: the same id and input answer the same again. Ids of removed budgets
    are not used again. Raises InvalidInput and InvalidCommand for what cannot be, IdReused, Conflict where it was
    removed."""
    command = ask.SetBudget(
        org_id=org_id, change_id=f"set:{budget_id}:new", budget_id=budget_id, name=one_line(name, "name"), limit=limit,
        period=period, scope=scope,
    )  # fmt: skip
    try:
        return (yield from _set(command, actor, "budget.created"))
    except BudgetNotFound:  # it was asked for just so, and is not there any more
        raise Conflict("This budget was set and has been removed. Take a new id for another one.", field="id") from None


def change_budget(
    org_id: int, actor: Actor, *, budget_id: str, change_id: str, name: str, limit: int, period: Period, scope: Scope
) -> Operation[Budget]:
    """Change everything about a budget; nothing where it is already so. The same `change_id` changes it once.

    Raises BudgetNotFound, InvalidInput, InvalidCommand, IdReused.
    """
    found = yield from budget(org_id, budget_id)
    command = ask.SetBudget(
        org_id=org_id, change_id=f"set:{budget_id}:{change_id}", budget_id=budget_id, name=one_line(name, "name"),
        limit=limit, period=period, scope=scope,
    )  # fmt: skip
    wanted = (command.name, command.limit, command.period, command.scope, 0)
    if (found.name, found.limit, found.period, found.scope, found.extra) == wanted:
        return found
    changed, _ = yield from _set(command, actor, "budget.changed")
    return changed


def _set(command: ask.SetBudget, actor: Actor, action: str) -> Operation[tuple[Budget, bool]]:
    answer = yield from execute_one(command)
    stands = yield from budget(command.org_id, command.budget_id)
    if not answer.replayed:
        details = {"limit": grouped_credits(command.limit), "per": EACH[command.period]}
        if command.scope.user:
            details["for"] = command.scope.user
        yield from record(command.org_id, _about(stands, action, actor, details))
    return stands, answer.replayed


def raise_budget(
    org_id: int, actor: Actor, *, budget_id: str, change_id: str, amount: int, for_good: bool
) -> Operation[Budget]:
    """Add to a limit, for the rest of the period or for good. Raises BudgetNotFound, InvalidCommand."""
    command = ask.RaiseBudget(
        org_id=org_id, change_id=f"raise:{change_id}", budget_id=budget_id, amount=amount, for_good=for_good
    )
    answer = yield from execute_one(command)
    raised = yield from budget(org_id, budget_id)
    if not answer.replayed:
        facts = {"by": grouped_credits(amount), "lasts": "for good" if for_good else "this period"}
        yield from record(org_id, _about(raised, "budget.raised", actor, facts))
    return raised


def remove_budget(org_id: int, actor: Actor, *, budget_id: str) -> Operation[bool]:
    """It limits nothing any more, and whoever asked for more of it is told; whether that was news. Raises
    BudgetNotFound for an id never used."""
    try:
        found = yield from budget(org_id, budget_id)
    except BudgetNotFound:
        found = None
    name = found.name if found else budget_id
    yield from close_requests(org_id, actor, budget_id=budget_id, name=name)  # before the account, as deciding does
    command = ask.RemoveBudget(org_id=org_id, change_id=f"remove:{budget_id}", budget_id=budget_id)
    answer = yield from execute_one(command)
    if answer.replayed:
        return False
    about = _about(found, "budget.removed", actor, {"limit": grouped_credits(found.limit)}) if found else None
    activity = about or Activity(action="budget.removed", actor=actor, target=budget_id)
    yield from record(org_id, activity, event_id=command.operation_id)
    return True


def pause(
    org_id: int,
    actor: Actor,
    *,
    kind: PauseKind,
    ref: str,
    reason: str,
    change_id: str,
    burned: int = 0,
    usual: int = 0,
) -> Operation[bool]:
    """Refuse new calls of a user or use case; whether that was news. Raises InvalidCommand."""
    answer = yield from execute_one(
        ask.Pause(org_id=org_id, change_id=f"pause:{change_id}", kind=kind, ref=ref,
                  reason=one_line(reason, "reason"), burned=burned, usual=usual)
    )  # fmt: skip
    if not answer.replayed:
        yield from record(org_id, _paused("pause.set", actor, kind, ref, {"because": reason}))
    return not answer.replayed


def resume(org_id: int, actor: Actor, *, kind: PauseKind, ref: str, change_id: str) -> Operation[bool]:
    """Allow new calls again; whether that was news. Raises NotPaused."""
    answer = yield from execute_one(ask.Resume(org_id=org_id, change_id=f"resume:{change_id}", kind=kind, ref=ref))
    if not answer.replayed:
        yield from record(org_id, _paused("pause.lifted", actor, kind, ref, {}))
    return not answer.replayed


def one_line(text: str, field: str) -> str:
    """Without line breaks and doubled spaces. Raises InvalidInput for what no database can hold."""
    line = " ".join(text.split())
    if not is_printable(line):
        raise InvalidInput("Use letters, digits and signs that can be printed.", field=field)
    return line


def _about(found: Budget, action: str, actor: Actor, details: dict[str, str]) -> Activity:
    return Activity(
        action=action, actor=actor, target=found.name, project=found.scope.project, use_case=found.scope.use_case,
        details=details,
    )  # fmt: skip


def _paused(action: str, actor: Actor, kind: PauseKind, ref: str, details: dict[str, str]) -> Activity:
    use_case = ref if kind == "use_case" else None
    return Activity(action=action, actor=actor, target=ref, use_case=use_case, details=details)
