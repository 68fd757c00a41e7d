"""What operators watch of the self-audit, for Prometheus. Read from the database, so that it holds for all workers."""

from prometheus_client import Gauge

from testkase.core.ledger.months import months_standing
from testkase.foundation.database import Operation
from testkase.services.selfaudit.standing import checked

DEVIATIONS = Gauge("testkase_ledger_deviations", "Deviations from the invariants that stand now. Alarm above 0.")
CHECKED_AT = Gauge(
    "testkase_ledger_checked_timestamp_seconds",
    "When the organization was checked that waits longest, in seconds since 1970. Alarm where that is more than a day"
    " and a half ago.",
)
MONTHS_END = Gauge(
    "testkase_usage_months_end_timestamp_seconds",
    "Until when entries and usage have partitions of their months, in seconds since 1970. Alarm where that is less than"
    " a month away: the worker should have made the next ones.",
)


def look() -> Operation[None]:
    """Bring the gauges up to date. Needs no organization's context."""
    so_far = yield from checked()
    DEVIATIONS.set(so_far.deviations)
    CHECKED_AT.set(so_far.oldest.timestamp() if so_far.oldest is not None else 0)
    months = yield from months_standing()
    MONTHS_END.set(months.ends_at // 1_000_000)
