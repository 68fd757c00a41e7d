"""When a budget's period begins and ends, and how a budget stands at an instant. All boundaries are midnights in the
billing zone, so that a period is a whole number of the days by which usage is summed."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from testkase.core.ledger.calendar import first_month, local_day, period, to_micros
from testkase.core.ledger.limits.model import Budget, Period
from testkase.core.ledger.model import Account


def span(kind: Period, account: Account, instant: int) -> tuple[int, int]:
    """The half-open period that contains `instant`."""
    if kind == "month":
        month = first_month(account.anchor_day, account.time_zone, instant)
        return period(account.anchor_day, account.time_zone, month, 0)
    return _days(kind, account.time_zone, local_day(account.time_zone, instant))


def at(budget: Budget, account: Account, instant: int) -> Budget:
    """The budget as it stands at `instant`: in a new period nothing is used yet, and what is held stays held."""
    if instant < budget.period_end:
        return budget
    start, end = span(budget.period, account, instant)
    return replace(budget, period_start=start, period_end=end, used=0, extra=0)


@lru_cache(maxsize=4_096)
def _days(kind: Period, time_zone: str, day: str) -> tuple[int, int]:
    first, length = date.fromisoformat(day), 1
    if kind == "week":
        first, length = first - timedelta(days=first.weekday()), 7
    return _first_instant(time_zone, first), _first_instant(time_zone, first + timedelta(days=length))


def _first_instant(time_zone: str, day: date) -> int:
    return to_micros(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(time_zone)).astimezone(UTC))
