"""What operators watch of payments, for Prometheus. No label names an organization or a person.

The worker works on reports in a process of its own, so what became of them is read from the database where it is asked
for, and counts over all processes.
"""

from prometheus_client import Counter, Gauge

from testkase.foundation.database import Operation, Statement
from testkase.services.billing.purchasing.rows import WATCH

REPORTS = Counter(
    "testkase_payment_reports",
    "Reports of the payment provider that arrived: new, repeated, or refused for their signature or content.",
    ["outcome"],
)
WAITING = Gauge("testkase_payment_reports_waiting", "Reports nobody has worked on yet.")
PAID = Gauge("testkase_payments_credited", "Purchases and bills whose payment was taken in, ever.")
FAULTS = Gauge("testkase_match_report_faults", "Payments of the newest match report that do not agree with ours.")


def look() -> Operation[None]:
    """Bring the gauges up to date. Needs no organization's context."""
    (row,) = yield Statement(WATCH["standing"])
    WAITING.set(row["waiting"])
    PAID.set(row["receipts"])
    FAULTS.set(row["faults"])
