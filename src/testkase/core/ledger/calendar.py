"""Billing months (P4): where one period ends and the next begins.

The n-th boundary is the anchor day of the n-th month after the first, clamped to that month's length and never chained
(31 Jan → 28 Feb → 31 Mar), at midnight in the organization's billing time zone. Periods are half-open: a boundary
belongs to the period it begins. Instants are microseconds since 1970 in UTC.
"""

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_micros(instant: datetime) -> int:
    """Microseconds since 1970 of an aware datetime, exactly."""
    return (instant - _EPOCH) // _MICROSECOND


def from_micros(micros: int) -> datetime:
    """The UTC datetime of an instant."""
    return _EPOCH + timedelta(microseconds=micros)


@lru_cache(maxsize=65_536)
def boundary(anchor_day: int, time_zone: str, month: int) -> int:
    """The instant at which the billing month beginning in calendar month `month` (year × 12 + month − 1) starts.

    Where a zone skips midnight on that day, the day's first instant; where midnight comes twice, the first of the two.
    """
    return day_start(time_zone, first_day(anchor_day, month))


def first_day(anchor_day: int, month: int) -> date:
    """The day on which that billing month begins, whatever the zone's rules say of the instant: they may be corrected
    after it."""
    year, index = divmod(month, 12)
    return date(year, index + 1, min(anchor_day, monthrange(year, index + 1)[1]))


def day_start(time_zone: str, day: date) -> int:
    """The first instant of a calendar day in a zone."""
    return to_micros(datetime.combine(day, time(), tzinfo=ZoneInfo(time_zone)).astimezone(UTC))


_QUARTER = 900_000_000
"""Microseconds in a quarter of an hour: zones change their offset on these marks and days begin on them."""


def local_day(time_zone: str, instant: int) -> str:
    """The calendar day in a zone, such as 2026-11-22."""
    return _day_of_quarter(time_zone, instant // _QUARTER)


@lru_cache(maxsize=4_096)
def _day_of_quarter(time_zone: str, quarter: int) -> str:
    return from_micros(quarter * _QUARTER).astimezone(ZoneInfo(time_zone)).date().isoformat()


def first_month(anchor_day: int, time_zone: str, now: int) -> int:
    """The calendar month in which the period that contains `now` starts."""
    local = from_micros(now).astimezone(ZoneInfo(time_zone))
    month = local.year * 12 + local.month - 1
    return month if boundary(anchor_day, time_zone, month) <= now else month - 1


def period(anchor_day: int, time_zone: str, anchor_month: int, number: int) -> tuple[int, int]:
    """Start and end of the `number`-th period, counted from the first one's calendar month."""
    month = anchor_month + number
    return boundary(anchor_day, time_zone, month), boundary(anchor_day, time_zone, month + 1)
