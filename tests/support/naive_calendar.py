"""The billing calendar worked out the slow way: a boundary is the first second at which clocks show that date.

It searches instead of converting, so that it shares neither arithmetic nor corner cases with the product.
"""

import calendar
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

SECOND = 1_000_000
"""Microseconds."""


@lru_cache(maxsize=100_000)
def first_second_of(day: date, zone: ZoneInfo) -> int:
    """Microseconds UTC of the first second at which the zone's clocks show `day` or later."""
    noon = int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp())
    before, after = noon - 3 * 86_400, noon + 2 * 86_400
    while after - before > 1:
        middle = (before + after) // 2
        shown = datetime.fromtimestamp(middle, zone).date()
        before, after = (middle, after) if shown < day else (before, middle)
    return after * SECOND


def anchor_in(year: int, month: int, anchor_day: int) -> date:
    """The anchor's date in a month: its day, or the month's last where the month is shorter."""
    return date(year, month, min(anchor_day, calendar.monthrange(year, month)[1]))


def boundaries(start: int, anchor_day: int, zone: str, count: int) -> list[int]:
    """The first `count` period boundaries after `start`, each from the anchor itself and never from the one before."""
    clock = ZoneInfo(zone)
    local = datetime.fromtimestamp(start // SECOND, clock)
    month = date(local.year, local.month, 1) - timedelta(days=1)  # one month early: the zone may be a day ahead
    found: list[int] = []
    while len(found) < count:
        boundary = first_second_of(anchor_in(month.year, month.month, anchor_day), clock)
        if boundary > start:
            found.append(boundary)
        month = (month.replace(day=1) + timedelta(days=32)).replace(day=1)
    return found


@lru_cache(maxsize=100_000)
def next_boundary(start: int, anchor_day: int, zone: str) -> int:
    """The first period boundary after `start`."""
    return boundaries(start, anchor_day, zone, 1)[0]
