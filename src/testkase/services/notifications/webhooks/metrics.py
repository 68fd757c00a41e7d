"""What operators watch of outgoing webhooks, for Prometheus. No label names an organization or an address."""

from prometheus_client import Counter, Gauge

from testkase.foundation.database import Operation, Statement, named_statements

_SQL = named_statements("testkase.services.notifications.webhooks.sql", "deliveries.sql")

ATTEMPTS = Counter(
    "testkase_webhook_attempts",
    "Attempts to deliver an event to an endpoint: delivered, failed, or dropped because the endpoint is not on.",
    ["outcome"],
)
WAITING = Gauge(
    "testkase_webhooks_oldest_waiting_seconds",
    "How long the endpoint that waits longest has had a delivery due and was not tried. One that is told much and"
    " answers slowly is tried all the time: what piles up there is its own.",
)


def look() -> Operation[None]:
    """Bring the gauge up to date. Needs no organization's context."""
    (row,) = yield Statement(_SQL["waiting"])
    WAITING.set(row["seconds"])
