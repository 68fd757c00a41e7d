"""Months of the journal: where they begin, in which order a page looks at them, and when the next one is missed."""

import random
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from testkase.core.ledger.calendar import from_micros, to_micros
from testkase.core.ledger.months import Months, month_start, spans_back


def at(text: str) -> int:
    return to_micros(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("instant", "later", "begins"),
    [
        ("2026-11-28T21:00", 0, "2026-11-01"),
        ("2026-11-01T00:00", 0, "2026-11-01"),
        ("2026-11-28T21:00", 1, "2026-12-01"),
        ("2026-11-28T21:00", 2, "2027-01-01"),
        ("2026-01-31T23:59", -1, "2025-12-01"),
        ("2026-03-31T23:59", -27, "2023-12-01"),
    ],
)
def test_months_are_the_calendars_in_utc(instant: str, later: int, begins: str) -> None:
    assert month_start(at(instant), later) == at(begins)


def test_spans_cover_everything_once_from_the_end_to_the_beginning() -> None:
    choose = random.Random(25)
    for _ in range(200):
        latest = at("2026-01-01") + choose.randrange(5 * 365 * 86_400) * 1_000_000
        since = choose.choice([0, latest, latest - choose.randrange(40 * 86_400 * 1_000_000), at("2024-02-29")])
        spans = list(spans_back(since, latest))
        assert spans[0][1] == latest
        assert spans[-1][0] == since
        assert all(first <= last for first, last in spans)
        assert all(newer[0] == older[1] + 1 for newer, older in pairwise(spans))


def test_the_first_span_has_two_months_and_the_next_a_year_more() -> None:
    starts = [from_micros(first).date().isoformat() for first, _ in spans_back(0, at("2028-05-17"))]
    assert starts == ["2028-04-01", "2027-03-01", "1970-01-01"]


def test_nothing_is_looked_for_where_the_end_is_before_the_beginning() -> None:
    assert list(spans_back(at("2026-05-01"), at("2026-04-30"))) == []


@pytest.mark.parametrize(
    ("now", "lacking"),
    [
        ("2026-11-28", False),
        ("2026-12-31T23:59", False),
        ("2027-01-01", True),
        ("2027-01-31", True),
        ("2027-03-05", True),
    ],
)
def test_the_next_month_is_missed_a_month_before_it_begins(now: str, lacking: bool) -> None:
    assert Months(ends_at=at("2027-02-01"), strays=False).lacking(at(now)) is lacking


def test_rows_outside_of_their_month_are_missed_at_once() -> None:
    assert Months(ends_at=at("2030-01-01"), strays=True).lacking(at("2026-11-28"))
