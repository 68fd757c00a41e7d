"""The forecast keeps its word about as often as it says, counts only credits that can be spent, and says when it
cannot know."""

import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from testkase.core.ledger.calendar import to_micros
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.forecast import Forecast, Pot, forecast

DAY = 86_400 * 1_000_000
NOW = to_micros(datetime(2026, 6, 1, tzinfo=UTC))
"""A Monday, midnight."""
WEEKDAYS = [10 * MICRO] * 5 + [0, 0]


def ahead(charges: list[int], *pots: Pot, days: int = 28, now: int = NOW, time_zone: str = "UTC") -> Forecast | None:
    return forecast(charges, pots, now=now, until=NOW + days * DAY, time_zone=time_zone)


def certain(found: Forecast | None) -> Forecast:
    assert found is not None
    return found


def days_of(found: Forecast | None) -> tuple[int | None, int | None, int | None]:
    told = certain(found)
    return told.low, told.likely, told.high


@pytest.mark.requirement("B7")
def test_an_even_past_leaves_no_doubt_and_weekends_cost_nothing() -> None:
    assert days_of(ahead(WEEKDAYS * 8, Pot(amount=75 * MICRO))) == (9, 9, 9), "5 days, a weekend, 2 more and a half"
    told = certain(ahead(WEEKDAYS * 8, Pot(amount=1_000 * MICRO)))
    assert (told.low, told.likely, told.high) == (None, None, None)
    assert (told.resets_in, told.need_low, told.need_high, told.short) == (28, 200 * MICRO, 200 * MICRO, 0)


@pytest.mark.requirement("B7")
def test_the_credits_fall_short_by_what_is_not_there() -> None:
    told = certain(ahead(WEEKDAYS * 8, Pot(amount=150 * MICRO)))
    assert (told.short, told.short_high) == (50 * MICRO, 50 * MICRO)
    assert told.runs_out


@pytest.mark.requirement("B7", "P3")
def test_credits_that_expire_before_they_are_spent_do_not_count() -> None:
    soon = Pot(amount=1_000 * MICRO, expires_at=NOW + 2 * DAY)
    late = Pot(amount=15 * MICRO)
    assert days_of(ahead(WEEKDAYS * 4, late, soon)) == (3, 3, 3), "two days of the first lot, a day and a half of this"
    assert days_of(ahead(WEEKDAYS * 4)) == (0, 0, 0)


def test_of_today_only_the_rest_is_to_come() -> None:
    evening = NOW + 18 * 3_600 * 1_000_000
    told = certain(ahead([8 * MICRO] * 14, Pot(amount=MICRO), days=1, now=evening))
    assert (told.need_low, told.need_high, told.likely) == (2 * MICRO, 2 * MICRO, 0)


@pytest.mark.requirement("B7")
@pytest.mark.parametrize(
    "charges", [[], [0] * 56, [5 * MICRO] * 13, [0] * 43 + [5 * MICRO] * 13], ids=["none", "idle", "13 days", "new"]
)
def test_it_says_so_where_there_is_not_enough_to_go_by(charges: list[int]) -> None:
    assert ahead(charges, Pot(amount=MICRO)) is None


def test_days_before_the_first_use_do_not_make_the_pace_look_slower() -> None:
    idle_first = ahead([0] * 42 + WEEKDAYS * 2, Pot(amount=75 * MICRO))
    assert days_of(idle_first) == days_of(ahead(WEEKDAYS * 2, Pot(amount=75 * MICRO))) == (9, 9, 9)


def test_the_same_question_has_one_answer() -> None:
    dice = random.Random(7)
    charges = [dice.randrange(20 * MICRO) for _ in range(56)]
    assert ahead(charges, Pot(amount=150 * MICRO)) == ahead(charges, Pot(amount=150 * MICRO))


def test_days_are_those_of_the_billing_zone() -> None:
    """Clocks go back in Berlin on 25 October 2026: a day of 25 hours is one day."""
    now = to_micros(datetime(2026, 10, 24, 22, tzinfo=UTC))
    until = to_micros(datetime(2026, 10, 31, 23, tzinfo=UTC))
    told = certain(forecast([MICRO] * 14, [], now=now, until=until, time_zone="Europe/Berlin"))
    assert (told.resets_in, told.need_likely) == (7, 7 * MICRO)


def _steady(_: random.Random) -> float:
    return 1


def _bursty(dice: random.Random) -> float:
    return dice.lognormvariate(0, 0.6)


@pytest.mark.requirement("B7")
@pytest.mark.parametrize(("team", "weeks"), [(_steady, 2), (_steady, 8), (_bursty, 4)])
def test_the_range_holds_what_happens_next_about_as_often_as_it_claims(
    team: Callable[[random.Random], float], weeks: int
) -> None:
    """Four out of five. With 60 futures of each team, chance allows a range that keeps its word 64 to 96 %."""
    dice, held, asked = random.Random(2_026), 0, 60
    for _ in range(asked):
        days = dice.randrange(10, 29)
        series = _made_up(dice, team, weeks * 7 + days)
        past, future = series[: weeks * 7], series[weeks * 7 :]
        credits = sum(past) * days // (weeks * 7) * dice.choice([4, 6, 8, 10]) // 10
        told = certain(ahead(past, Pot(amount=credits), days=days))
        low, high = (days if end is None else end for end in (told.low, told.high))
        held += low <= _dry_on(future, credits) <= high
    assert 64 <= held * 100 // asked <= 96


def _made_up(dice: random.Random, team: Callable[[random.Random], float], days: int) -> list[int]:
    """Gamma-distributed days, a tenth of the work on weekends, and a level that changes from week to week."""
    level, charged = 1.0, []
    for index in range(days):
        if (date(2026, 6, 1) + timedelta(days=index)).weekday() == 0:
            level = team(dice)
        charged.append(int((10 if index % 7 < 5 else 1) * level * dice.gammavariate(2, 0.5) * MICRO))
    return charged


def _dry_on(future: list[int], credits: int) -> int:
    used = 0
    for day, amount in enumerate(future):
        used += amount
        if used > credits:
            return day
    return len(future)
