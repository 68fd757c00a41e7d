"""What operators watch of the self-audit, for Prometheus. Read from the database, so that it holds for all workers."""

from prometheus_client import Gauge

from testkase.foundation.database import Operation
from testkase.services.selfaudit.standing import checked

DEVIATIONS = Gauge("testkase_ledger_deviations", "Deviations from the invariants that stand now. Alarm above 0.")
CHECKED_AT = Gauge(
    "testkase_ledger_checked_timestamp_seconds",
    "When the organization was checked that waits longest, in seconds since 1970. Alarm where that is more than a day"
    " and a half ago.",
)


def look() -> Operation[None]:
    """Bring the gauges up to date. Needs no organization's context."""
    so_far = yield from checked()
    DEVIATIONS.set(so_far.deviations)
    CHECKED_AT.set(so_far.oldest.timestamp() if so_far.oldest is not None else 0)
