"""How long the credits last at the pace of the past weeks (B7): pure, deterministic, whole micro-credits throughout.

The unit is the whole week, because a team's days are not alike: weekends are low, and a busy day is seldom alone. A
few hundred futures are drawn. Each first draws, with repetition, the weeks it takes for typical out of those that were,
and then its own weeks out of these; weekday falls on weekday. Each spends the credits in burn order, loses what
expires, and notes the day on which it runs dry. The answer is the middle of the futures and the range that holds four
out of five.

This is Efron's bootstrap over blocks of a week (Künsch 1989), drawn in two steps because the typical week is itself
known only as well as a few weeks show it; for the same reason the futures are then widened by Student's t. How often
the range holds what happens next is measured in tests/unit/ledger/test_forecast.py on made-up teams: in 79 to 91 of a
hundred futures, steady, bursty or sparse. What no past shows (a new project, a holiday) no forecast knows.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import msgspec

from testkase.core.ledger.calendar import day_start, local_day

WEEK = 7
MOST_WEEKS = 8
"""Older weeks say more about another team than about this one."""
LEAST_WEEKS = 2
"""Of a single week nothing can be said about how much weeks differ."""
LOOK_BACK_DAYS = WEEK * MOST_WEEKS

_FUTURES = 200
_WIDENING = {2: 340, 3: 180, 4: 148, 5: 134, 6: 126, 7: 121, 8: 118}
"""Percent, by the number of weeks: Student's t for four out of five at n − 1 degrees of freedom over the normal value
(1.2816), times the square root of n / (n − 1) by which a sample drawn from itself varies too little."""
_LOW, _MIDDLE, _HIGH = 10, 50, 90
"""Percentiles: one future in ten is below the range, one in ten above it."""


class Pot(msgspec.Struct, frozen=True, kw_only=True):
    """Credits that can be spent until one instant (None: for ever), in micro-credits and microseconds UTC."""

    amount: int
    expires_at: int | None = None


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What to expect until the reset. Days are counted as people do: 0 is today, 1 tomorrow; amounts in micro-credits.

    `low`, `likely`, `high`: the days until the credits run out; None: they last past the reset. One time in ten it
    is sooner than `low`, one in ten later than `high`. `need_…`: what will be used until the reset if it can be.
    `short…`: by how much the credits fall short of that, likely and at the cautious end.
    """

    low: int | None
    likely: int | None
    high: int | None
    resets_in: int
    need_low: int
    need_likely: int
    need_high: int
    short: int
    short_high: int
    weeks: int
    """So many past weeks it rests on."""

    @property
    def runs_out(self) -> bool:
        """Whether running out before the reset is likely, not merely possible."""
        return self.likely is not None

    @property
    def missing(self) -> int:
        """What is likely to be missing; where that is nothing (half of the futures run dry, half do not), what could
        be."""
        return self.short or self.short_high


def forecast(charges: Sequence[int], pots: Sequence[Pot], *, now: int, until: int, time_zone: str) -> Forecast | None:
    """What the past days say about the days from `now` to `until` (the reset; microseconds UTC).

    `charges`: micro-credits of each day of the zone, oldest first, the last one yesterday, days without use included.
    Days before the first use do not count; days on which nothing was left stand there as usual ones (outlook.py). None:
    there are not yet two whole weeks to go by.
    """
    weeks = _whole_weeks(charges)
    if len(weeks) < LEAST_WEEKS:
        return None
    today = date.fromisoformat(local_day(time_zone, now))
    days = max((date.fromisoformat(local_day(time_zone, until)) - today).days, 1)
    usable = _usable(pots, today, days, time_zone)
    paths = _widened(list(_paths(weeks, days, today, now, time_zone)), len(weeks))
    futures = [_spend(path, usable) for path in paths]
    dry, needs, shorts = (sorted(figures) for figures in zip(*futures, strict=True))
    low, likely, high = (_unless(days, _percentile(dry, share)) for share in (_LOW, _MIDDLE, _HIGH))
    return Forecast(
        low=low, likely=likely, high=high, resets_in=days,
        need_low=_percentile(needs, _LOW), need_likely=_percentile(needs, _MIDDLE), need_high=_percentile(needs, _HIGH),
        short=_percentile(shorts, _MIDDLE), short_high=_percentile(shorts, _HIGH), weeks=len(weeks),
    )  # fmt: skip


def _whole_weeks(charges: Sequence[int]) -> list[Sequence[int]]:
    """The last whole weeks since the first use, each beginning on today's weekday."""
    first = next((index for index, charged in enumerate(charges) if charged), len(charges))
    count = min((len(charges) - first) // WEEK, MOST_WEEKS)
    start = len(charges) - count * WEEK
    return [charges[at : at + WEEK] for at in range(start, len(charges), WEEK)]


def _usable(pots: Sequence[Pot], today: date, days: int, time_zone: str) -> list[tuple[int, int]]:
    """(last day it can be spent on, amount) of each pot, in burn order. The future's day 0 is today."""
    lasting = [pot for pot in pots if pot.amount > 0]
    lasting.sort(key=lambda pot: (pot.expires_at is None, pot.expires_at or 0))
    return [
        (days if pot.expires_at is None else _last_day(pot.expires_at, today, time_zone), pot.amount)
        for pot in lasting
    ]  # fmt: skip


def _last_day(expires_at: int, today: date, time_zone: str) -> int:
    return (date.fromisoformat(local_day(time_zone, expires_at - 1)) - today).days


def _paths(weeks: list[Sequence[int]], days: int, today: date, now: int, time_zone: str) -> Iterator[list[int]]:
    """What each of the futures uses on each day until the reset; of today only what is left of it."""
    draw = _draws()
    begun, ends = day_start(time_zone, today), day_start(time_zone, today + timedelta(days=1))
    for _ in range(_FUTURES):
        typical = [weeks[next(draw) % len(weeks)] for _ in weeks]
        path: list[int] = []
        while len(path) < days:
            path += typical[next(draw) % len(typical)]
        path[0] = path[0] * (ends - now) // (ends - begun)
        yield path[:days]


def _widened(paths: list[list[int]], weeks: int) -> list[list[int]]:
    """The futures moved away from the middle one, as far as so few weeks understate how much weeks differ."""
    totals = [sum(path) for path in paths]
    middle = _percentile(sorted(totals), _MIDDLE)
    widened = []
    for path, total in zip(paths, totals, strict=True):
        wanted = max(middle + (total - middle) * _WIDENING[weeks] // 100, 0)
        widened.append([amount * wanted // total for amount in path] if total else path)
    return widened


def _spend(path: list[int], usable: list[tuple[int, int]]) -> tuple[int, int, int]:
    """The day on which the credits run out (the path's length: none), what the path needs, and what it lacks."""
    pots = list(reversed(usable))
    dry, lacking = len(path), 0
    for day, wanted in enumerate(path):
        left = wanted
        while left and pots:
            last_day, amount = pots.pop()
            if last_day < day:
                continue
            if amount > left:
                pots.append((last_day, amount - left))
            left = max(left - amount, 0)
        if left and not lacking:
            dry = day
        lacking += left
    return dry, sum(path), lacking


def _percentile(ordered: list[int], share: int) -> int:
    """The figure below which so many of a hundred fall (nearest rank)."""
    return ordered[(len(ordered) - 1) * share // 100]


def _unless(never: int, day: int) -> int | None:
    return None if day == never else day


def _draws() -> Iterator[int]:
    """The same numbers every time: a page that is loaded twice must not say two things. Knuth's MMIX generator."""
    state = 1
    while True:
        state = (state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        yield state >> 33
