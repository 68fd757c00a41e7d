"""What operators watch of outgoing webhooks, for Prometheus. No label names an organization or an address."""

from prometheus_client import Counter, Gauge

from testkase.foundation.database import Operation, Statement, named_statements

_SQL = named_statements("testkase.services.notifications.webhooks.sql", "deliveries.sql")

ATTEMPTS = Counter(
    "testkase_webhook_attempts",
    "Attempts to deliver an event to an endpoint: delivered, failed, or dropped because the endpoint is not on.",
    ["outcome"],
)
OVERDUE = Gauge("testkase_webhooks_overdue", "Deliveries that no worker has begun a minute after their time.")


def look() -> Operation[None]:
    """Bring the gauge up to date. Needs no organization's context."""
    (row,) = yield Statement(_SQL["overdue"])
    OVERDUE.set(row["overdue"])
