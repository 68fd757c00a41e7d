"""Ask for more: whoever a budget refuses says how much is missing and why; an admin approves or declines, once."""

from dataclasses import dataclass
from datetime import datetime

from testkase.core.ledger.credits import MAX_MICROCREDITS, format_credits, grouped_credits
from testkase.core.ledger.limits.model import Budget, Scope
from testkase.core.ledger.limits.queries import budget, budgets
from testkase.foundation.database import Operation, Row, Statement, named_statements
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.audit import Activity, Actor, record
from testkase.services.metering.limits.budgets import one_line, raise_budget
from testkase.services.metering.limits.closing import BUDGETS_PAGE
from testkase.services.notifications import Notification, notify

_SQL = named_statements("testkase.services.metering.limits.sql", "asking.sql")

MAX_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request for more. `person` is the name of whoever asked."""

    request_id: str
    budget_id: str
    user_id: int
    person: str
    email: str
    amount: int
    reason: str
    state: str
    for_good: bool | None
    asked_at: datetime
    decided_at: datetime | None


def requests_of(org_id: int, *, user_id: int | None = None) -> Operation[list[Asked]]:
    """Open requests first, then the latest decisions. `user_id`: only this person's."""
    rows = yield Statement(_SQL["requests"], {"org_id": org_id, "user_id": user_id})
    return [_asked(row) for row in rows]


def ask_for_more(
    org_id: int, actor: Actor, *, user_id: int, request_id: str, budget_id: str, amount: int, reason: str
) -> Operation[None]:
    """Tell those who set budgets. A second request of the same person for the same budget replaces an open first one,
    and as they have been told of that one, nobody is told again.

    Raises BudgetNotFound, InvalidInput naming the field.
    """
    about = yield from budget(org_id, budget_id)
    reason = one_line(reason, "reason")
    if not 1 <= amount <= MAX_MICROCREDITS:
        raise InvalidInput("Ask for more than zero credits.", field="amount")
    if len(reason) > MAX_REASON:
        raise InvalidInput(f"Say why in at most {MAX_REASON} characters.", field="reason")
    values = {"org_id": org_id, "request_id": request_id, "budget_id": budget_id, "user_id": user_id,
              "amount": amount, "reason": reason}  # fmt: skip
    rows = yield Statement(_SQL["ask"], values)
    if not rows:
        return  # the form was sent twice
    if rows[0]["is_new"]:
        yield from notify(org_id, _asks(actor, about, request_id, amount))
    yield from record(org_id, _activity("budget.more_asked", actor, about, {"amount": grouped_credits(amount)}))


def _asks(actor: Actor, about: Budget, request_id: str, amount: int) -> Notification:
    """Without their own words: those stay with the request, where they are erased with the person's content."""
    title = f"{actor.name} asks for {grouped_credits(amount)} more credits"
    return Notification(
        kind="budget.asked", event_key=f"budget.asked:{request_id}", title=title,
        body=f"The budget “{about.name}” is used up or does not cover what they need.",
        link=BUDGETS_PAGE, link_label="Approve or decline",
        facts={"budget_id": about.budget_id, "amount": format_credits(amount)},
    )  # fmt: skip


def decide_request(
    org_id: int, actor: Actor, *, user_id: int, request_id: str, approve: bool, for_good: bool = False
) -> Operation[Asked]:
    """Approve, which raises the budget at once, or decline. Decided once: repeating the same decision changes nothing.

    A request for a budget that is gone can still be declined.

    Raises NotFound, Conflict where it was decided otherwise, BudgetNotFound where more is approved of a budget that is
    gone.
    """
    rows = yield Statement(_SQL["locked"], {"org_id": org_id, "request_id": request_id})
    if not rows:
        raise NotFound("There is no such request.")
    asked = _asked(rows[0])
    wanted = "approved" if approve else "declined"
    if asked.state != "open":
        if (asked.state, bool(asked.for_good)) == (wanted, approve and for_good):
            return asked
        raise Conflict(f"The request was {_decision(asked)}. To give more or less, change the budget itself.")
    about: Budget | None
    if approve:
        about = yield from raise_budget(
            org_id, actor, budget_id=asked.budget_id, change_id=f"request:{request_id}", amount=asked.amount,
            for_good=for_good,
        )  # fmt: skip
    else:
        about = next((each for each in (yield from budgets(org_id)) if each.budget_id == asked.budget_id), None)
    decided = {"org_id": org_id, "request_id": request_id, "state": wanted, "for_good": for_good, "by": user_id}
    yield Statement(_SQL["decide"], decided)
    yield from notify(org_id, _told(asked, about, actor, approve=approve, for_good=for_good))
    facts = {"asked by": asked.person, "amount": grouped_credits(asked.amount)}
    yield from record(org_id, _activity(f"budget.more_{wanted}", actor, about, facts))
    return asked


def _decision(asked: Asked) -> str:
    if asked.state != "approved":
        return f"{asked.state} already"
    return f"approved already, {'for good' if asked.for_good else 'until the budget begins anew'}"


def _told(asked: Asked, about: Budget | None, actor: Actor, *, approve: bool, for_good: bool) -> Notification:
    amount = grouped_credits(asked.amount)
    name = about.name if about else "a budget that was removed"
    if approve:
        lasts = "from now on" if for_good else "until the budget begins anew"
        title, body = (
            f"{amount} more credits for “{name}”",
            f"{actor.name} approved your request. They count {lasts}.",
        )
    else:
        title = f"No more credits for “{name}” for now" if about else f"No more credits for {name}"
        body = f"{actor.name} declined your request for {amount} more credits."
    return Notification(
        kind="budget.decided", event_key=f"budget.decided:{asked.request_id}", title=title, body=body,
        link=BUDGETS_PAGE, link_label="Open budgets", roles=(), people=(asked.user_id,),
    )  # fmt: skip


def _activity(action: str, actor: Actor, about: Budget | None, details: dict[str, str]) -> Activity:
    scope = about.scope if about else Scope()
    return Activity(
        action=action, actor=actor, target=about.name if about else "(removed)", project=scope.project,
        use_case=scope.use_case, details=details,
    )  # fmt: skip


def _asked(row: Row) -> Asked:
    return Asked(**{name: row[name] for name in Asked.__slots__})
