"""When an alert fires, against an oracle that shares no code with it."""

import random
from dataclasses import dataclass, field

import pytest

from testkase.core.ledger.credits import MICRO
from testkase.foundation.problems import InvalidInput
from testkase.services.notifications.crossings import Alert, Reading, Watch, watch_on, with_thresholds
from testkase.services.notifications.thresholds import checked_thresholds, default_thresholds

CENT = MICRO // 100


def start(*thresholds: int, ai_on: bool = True) -> Watch:
    return Watch(seq=0, level=0, ai_on=ai_on, thresholds=thresholds, crossed=(), crossed_seq=0)


def levels(*credits: float, after: int = 0) -> list[Reading]:
    """Readings of balances in credits, one second apart."""
    return [
        reading(after + number, round(level * MICRO), at=(after + number) * MICRO)
        for number, level in enumerate(credits, 1)
    ]


def switch(seq: int, level: float, note: str) -> Reading:
    return reading(seq, round(level * MICRO), at=seq * MICRO, kind="switch", note=note)


def reading(
    seq: int, level: int, *, at: int, kind: str = "settle", note: str = "", available: int | None = None
) -> Reading:
    """Nothing is held, unless it says what is available."""
    return Reading(
        seq=seq, at=at, kind=kind, note=note, level=level, available=level if available is None else available
    )


def fired(watch: Watch, *readings: Reading) -> list[tuple[int, tuple[int, ...]]]:
    """(entry, thresholds in credits) of each alert."""
    _, alerts = watch_on(watch, readings)
    return [(alert.seq, tuple(threshold // MICRO for threshold in alert.thresholds)) for alert in alerts]


@dataclass
class Oracle:
    """Counts crossings the plain way: for each threshold a flag "people know that it is low"."""

    thresholds: list[int]
    ai_on: bool
    known: dict[int, bool] = field(default_factory=dict)
    crossings: list[tuple[int, int]] = field(default_factory=list)

    def see(self, seq: int, level: int, note: str) -> None:
        if note:
            self.ai_on = note == "on"
        for threshold in self.thresholds:
            low = level <= threshold if threshold > 0 else level <= CENT - 1
            if not low:
                self.known[threshold] = False
            elif self.ai_on and not self.known.get(threshold):
                self.known[threshold] = True
                self.crossings.append((seq, threshold))


def walk(chance: random.Random, steps: int) -> list[Reading]:
    """A balance that wanders in cents around its thresholds, jumps up now and then, while AI goes off and on."""
    level, readings = 30_000, []
    for seq in range(1, steps + 1):
        kind, note = "settle", ""
        if chance.random() < 0.05:
            kind, note = "switch", chance.choice(("on", "off"))
        elif chance.random() < 0.1:
            level = chance.randrange(45_000)
        else:
            level = max(0, level + chance.randrange(-3_000, 1_500))
        readings.append(reading(seq, level * CENT, at=seq, kind=kind, note=note))
    return readings


@pytest.mark.requirement("R55", "R56", "P12")
@pytest.mark.parametrize("seed", range(8))
def test_every_crossing_of_a_random_walk_is_found_once_wherever_reading_is_interrupted(seed: int) -> None:
    chance = random.Random(seed)
    thresholds = checked_thresholds([chance.randrange(40_000) * CENT for _ in range(chance.randrange(1, 9))] + [0])
    readings = walk(chance, 1_500)
    oracle, ai_on = Oracle(list(thresholds), ai_on=seed % 2 == 0), seed % 2 == 0
    for reading in readings:
        oracle.see(reading.seq, reading.level, reading.note)
    watch, alerts = start(*thresholds, ai_on=ai_on), list[Alert]()
    at = 0
    while at < len(readings):
        # Read on from where the last reading ended, and now and then over what has been read already.
        size = chance.randrange(1, 40)
        watch, more = watch_on(watch, readings[max(0, at - chance.randrange(5)) : at + size])
        alerts += more
        at += size
    found = [(alert.seq, threshold) for alert in alerts for threshold in alert.thresholds]
    assert sorted(found) == sorted(oracle.crossings)
    assert len(oracle.crossings) > 30
    assert len({alert.seq for alert in alerts}) == len(alerts)  # one alert an entry, however many it crosses


@pytest.mark.requirement("P12")
def test_an_alert_fires_once_and_again_only_after_a_rise_above() -> None:
    assert fired(start(60 * MICRO), *levels(300, 61, 60, 59, 10, 60, 60.01, 60)) == [(3, (60,)), (8, (60,))]


@pytest.mark.requirement("P12")
def test_an_entry_through_several_thresholds_gives_one_alert_named_after_the_lowest() -> None:
    _, (alert,) = watch_on(start(60 * MICRO, 15 * MICRO, 0), levels(300, 10))
    assert alert.lowest == 15 * MICRO
    assert fired(start(60 * MICRO, 15 * MICRO, 0), *levels(300, 10, 0)) == [(2, (60, 15)), (3, (0,))]


@pytest.mark.requirement("P12")
def test_nothing_left_means_less_than_the_least_charge() -> None:
    assert fired(start(0), *levels(1, 0.01)) == []
    assert fired(start(0), *levels(1, 0.009999)) == [(2, (0,))]


@pytest.mark.requirement("P12")
def test_nothing_is_sent_while_ai_is_off_and_once_it_is_on_people_know_where_they_stand() -> None:
    thresholds = start(60 * MICRO, 15 * MICRO, ai_on=True)
    low_when_on = [*levels(300), switch(2, 300, "off"), *levels(50, 10, after=2), switch(5, 10, "on")]
    assert fired(thresholds, *low_when_on) == [(5, (60, 15))]
    recovered = [*levels(300), switch(2, 300, "off"), *levels(10, 200, after=2), switch(5, 200, "on")]
    assert fired(thresholds, *recovered) == []


@pytest.mark.requirement("P12", "R64")
def test_switching_off_and_on_tells_nobody_the_same_again() -> None:
    readings = [*levels(300, 10), *(switch(seq, 10, "off" if seq % 2 else "on") for seq in range(3, 9))]
    assert fired(start(60 * MICRO), *readings) == [(2, (60,))]


@pytest.mark.requirement("R8", "P12")
def test_the_instant_between_two_months_alerts_nobody() -> None:
    boundary = 9 * MICRO
    turn = [
        reading(2, 40 * MICRO, at=boundary, kind="expire"),
        reading(3, 0, at=boundary, kind="expire"),
        reading(4, 300 * MICRO, at=boundary, kind="allowance"),
    ]
    assert fired(start(60 * MICRO, 0), *levels(100), *turn) == []
    assert fired(start(60 * MICRO, 0), *levels(100), *turn[:2]) == [(2, (60,)), (3, (0,))]


@pytest.mark.requirement("P12")
def test_a_threshold_set_above_the_balance_waits_for_the_next_fall() -> None:
    watch, _ = watch_on(start(60 * MICRO), levels(300, 100))
    raised = with_thresholds(watch, (150 * MICRO, 60 * MICRO))
    assert (raised.crossed, raised.crossed_seq) == ((150 * MICRO,), 2)
    assert fired(raised, *levels(90, 200, 140, after=2)) == [(5, (150,))]


@pytest.mark.requirement("P12")
def test_a_threshold_that_stays_is_not_told_again_and_one_that_goes_is_forgotten() -> None:
    watch, _ = watch_on(start(60 * MICRO, 15 * MICRO), levels(300, 50))
    changed = with_thresholds(watch, (60 * MICRO, 20 * MICRO))
    assert fired(changed, *levels(40, 10, after=2)) == [(4, (20,))]
    lower, _ = watch_on(changed, levels(45, after=2))
    assert lower.crossed_seq == watch.crossed_seq, "a banner that was put away comes back with something new alone"
    assert with_thresholds(lower, (60 * MICRO,)).crossed_seq == watch.crossed_seq


@pytest.mark.requirement("P12")
def test_a_threshold_set_while_ai_is_off_is_due_when_it_comes_on() -> None:
    watch, _ = watch_on(start(60 * MICRO, ai_on=False), levels(300, 50))
    assert fired(with_thresholds(watch, (100 * MICRO,)), switch(3, 50, "on")) == [(3, (100,))]


@pytest.mark.requirement("P12")
def test_the_default_thresholds_are_a_fifth_a_twentieth_and_nothing() -> None:
    assert default_thresholds(300 * MICRO) == (60 * MICRO, 15 * MICRO, 0)
    assert default_thresholds(0) == (0,)


@pytest.mark.parametrize("amounts", [range(0, 11 * MICRO, MICRO), [-1], [10**15 + CENT], [5_000]])
def test_thresholds_that_cannot_be_are_refused(amounts: list[int]) -> None:
    with pytest.raises(InvalidInput):
        checked_thresholds(amounts)


@pytest.mark.requirement("P7", "P12")
def test_what_is_lent_to_calls_beyond_the_balance_is_no_rise_and_its_end_no_fall() -> None:
    lent = [
        reading(seq, level * MICRO, at=seq, available=0) for seq, level in ((2, 7), (3, 12), (4, 7), (5, 0), (6, 9))
    ]
    assert fired(start(60 * MICRO, 0), *levels(0), *lent, reading(7, 0, at=7)) == [(1, (60, 0))]


@pytest.mark.requirement("P12")
def test_credits_that_are_all_set_aside_are_still_there() -> None:
    held = [reading(seq, level * MICRO, at=seq, available=0) for seq, level in ((2, 70), (3, 72), (4, 70))]
    assert fired(start(60 * MICRO, 0), *levels(70), *held, reading(5, 59 * MICRO, at=5)) == [(5, (60,))]
