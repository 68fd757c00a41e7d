"""Requests for more that nobody need decide on any more: of a budget that goes, whose askers are told why, and of
somebody who goes."""

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


def close_requests_of(org_id: int, *, user_id: int) -> Operation[None]:
    """Close every open request of somebody who leaves: what is approved of it would be for those who stay. Locks the
    requests, as `close_requests` does."""
    yield Statement(_SQL["close_of"], {"org_id": org_id, "user_id": user_id})
