"""The auditor's calendar: whether two instants are a period's start and end. Works backwards from the days the instants
fall on, and shares nothing with the rules that laid the periods out."""

from calendar import monthrange
from datetime import date

from testkase.core.ledger.calendar import local_day


def is_period(kind: str, anchor_day: int, time_zone: str, start: int, end: int) -> bool:
    """Whether [start, end) in microseconds UTC is one calendar `day`, one `week` from Monday or one billing `month`."""
    first, after = _day_begun(time_zone, start), _day_begun(time_zone, end)
    if first is None or after is None:
        return False
    days = (after - first).days
    if kind == "day":
        return days == 1
    if kind == "week":
        return days == 7 and first.weekday() == 0
    return month_of(after) == month_of(first) + 1 and all(
        day.day == _clamped(anchor_day, day) for day in (first, after)
    )


def month_of(day: date) -> int:
    """Months since year 0."""
    return day.year * 12 + day.month - 1


def _day_begun(time_zone: str, instant: int) -> date | None:
    """The day in the zone whose first instant this is; None within a day."""
    day = local_day(time_zone, instant)
    return None if local_day(time_zone, instant - 1) == day else date.fromisoformat(day)


def _clamped(anchor_day: int, day: date) -> int:
    return min(anchor_day, monthrange(day.year, day.month)[1])
