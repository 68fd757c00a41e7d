"""Requests for more of a budget that goes: nobody need decide on them any more, and whoever asked is told why."""

from testkase.core.ledger.credits import grouped_credits
from testkase.foundation.database import Operation, Statement, named_statements
from testkase.services.audit import Actor
from testkase.services.notifications import Notification, notify

_SQL = named_statements("testkase.services.metering.limits.sql", "asking.sql")

BUDGETS_PAGE = "/settings/ai-credits/budgets"


def close_requests(org_id: int, actor: Actor, *, budget_id: str, name: str) -> Operation[None]:
    """Close every open request for a budget. Locks the requests; the account must not be locked yet."""
    for row in (yield Statement(_SQL["close"], {"org_id": org_id, "budget_id": budget_id})):
        message = Notification(
            kind="budget.decided", event_key=f"budget.decided:{row['request_id']}",
            title=f"The budget “{name}” was removed",
            body=f"{actor.name} removed it, so it limits nobody any more and your request for"
            f" {grouped_credits(row['amount'])} more credits is closed.",
            link=BUDGETS_PAGE, link_label="Open budgets", roles=(), people=(row["user_id"],),
        )  # fmt: skip
        yield from notify(org_id, message)
