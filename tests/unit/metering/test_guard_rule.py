"""The runaway guard's rule on series as they occur: whole weeks of calls, looked at every minute of the last hours."""

from collections import Counter
from collections.abc import Iterator

import pytest

from testkase.services.metering.limits import guard
from testkase.services.metering.limits.guard import Burn, History, explained, runs_away

pytestmark = pytest.mark.requirement("B13")
CREDIT, MINUTE, HOUR, DAY = 1_000_000, 60, 3_600, 86_400
Series = list[tuple[int, float]]
"""Second of a call, and its credits."""


def ordinary_days(days: int, *, credits: float = 1.5, calls: int = 30, growth: float = 1.0) -> Series:
    """Working hours of one person: a call every few minutes, in small bursts, each day `growth` times the last."""
    series: Series = []
    for day in range(days):
        for call in range(calls):
            second = day * DAY + 9 * HOUR + call * 15 * MINUTE + (call % 3) * 40
            series.append((second, credits * growth**day))
    return series


def pauses(series: Series, *, watched: int) -> Iterator[int]:
    """The minutes of the last `watched` seconds at which the guard would pause."""
    end = max(second for second, _ in series)
    for now in range(end - watched, end + MINUTE, MINUTE):
        burned = sum(credits for second, credits in series if now - guard.WINDOW_SECONDS < second <= now)
        slots: Counter[int] = Counter()
        for second, credits in series:
            if now - guard.HISTORY_SECONDS <= second < now - guard.RECENT_SECONDS:
                slots[second // guard.WINDOW_SECONDS] += int(credits * CREDIT)
        days = {slot * guard.WINDOW_SECONDS // DAY for slot in slots}
        history = History(busiest=max(slots.values(), default=0), days=len(days))
        if runs_away(Burn(kind="user", ref="u", burned=int(burned * CREDIT)), history):
            yield now


def burst(at: int, *, calls: int, seconds: float, credits: float) -> Series:
    return [(int(at + call * seconds), credits) for call in range(calls)]


@pytest.mark.parametrize(
    "series",
    [
        ordinary_days(8),
        ordinary_days(8, growth=1.6),  # a team that finds the product: 27 times as much within a week
        ordinary_days(8, credits=0.1, calls=3),  # hardly ever used, then a first long session
        [*ordinary_days(8), *burst(8 * DAY, calls=20, seconds=25, credits=2.4)],  # reports of a whole cycle at once
        [*ordinary_days(8, credits=0.2), *burst(8 * DAY, calls=20, seconds=25, credits=2.4)],
        burst(0, calls=30, seconds=20, credits=3),  # the first hour of a new organization
        [*ordinary_days(1), *burst(DAY + 9 * HOUR, calls=40, seconds=15, credits=2.4)],  # its second day
    ],
    ids=["ordinary", "growing", "seldom", "cycle-reports", "cycle-reports-of-a-light-user", "first-hour", "second-day"],
)
def test_honest_use_is_never_paused(series: Series) -> None:
    assert list(pauses(series, watched=4 * HOUR)) == []


@pytest.mark.parametrize(
    ("before", "seconds", "credits", "within_credits"),
    [
        (ordinary_days(8), 1, 0.8, 75),
        (ordinary_days(8), 2, 3.0, 75),
        (ordinary_days(8, credits=0.1), 1, 0.5, 55),
        ([], 1, 1.0, 105),  # the first thing a new organization does
    ],
    ids=["fast", "dear", "light-user", "new"],
)
def test_a_loop_is_paused_before_it_has_burned_much(
    before: Series, seconds: float, credits: float, within_credits: float
) -> None:
    start = 8 * DAY + 10 * HOUR
    loop = burst(start, calls=1_200, seconds=seconds, credits=credits)
    first = min(pauses([*before, *loop], watched=2 * HOUR))
    burned = sum(spent for second, spent in loop if second <= first)
    assert (
        burned <= within_credits + MINUTE / seconds * credits
    )  # looked at each minute here, every 5 seconds in earnest


def test_a_burn_that_doubles_every_ten_minutes_is_not_its_own_excuse() -> None:
    start = 8 * DAY + 10 * HOUR
    ramp = [
        call for step in range(7) for call in burst(start + step * 600, calls=60, seconds=10, credits=0.1 * 2**step)
    ]
    assert list(pauses([*ordinary_days(8), *ramp], watched=2 * HOUR))


def test_what_was_resumed_counts_as_usual_from_then_on() -> None:
    burn = Burn(kind="user", ref="u", burned=200 * CREDIT)
    assert runs_away(burn, History(busiest=10 * CREDIT, days=7))
    assert not runs_away(burn, History(busiest=10 * CREDIT, days=7, forgiven=120 * CREDIT))


def test_one_user_who_makes_up_a_features_burn_explains_it() -> None:
    feature = Burn(kind="use_case", ref="chat", burned=100, top_user="ada", top_burned=80)
    assert explained(feature, {"ada"})
    assert not explained(feature, set())
    assert not explained(Burn(kind="use_case", ref="chat", burned=100, top_user="ada", top_burned=79), {"ada"})
