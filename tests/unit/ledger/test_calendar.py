"""Billing months: every anchor in zones of every temper, against a calendar found by searching."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from campaigns.ledger.calendar import calendar
from testkase.core.ledger import commands as c
from testkase.core.ledger.book import Book
from testkase.core.ledger.decide import decide
from testkase.core.ledger.refusals import InvalidCommand
from tests.support.ledger import post
from tests.support.naive_calendar import boundaries

MONTHS = 30
ZONES = (
    "UTC", "Europe/Berlin", "Europe/Dublin", "America/New_York", "America/Havana", "America/Santiago", "Asia/Kolkata",
    "Asia/Beirut", "Africa/Cairo", "Africa/Casablanca", "Atlantic/Azores", "Australia/Lord_Howe", "Pacific/Chatham",
    "Pacific/Kiritimati", "Pacific/Niue", "Antarctica/Troll",
)  # fmt: skip
"""Half hours, quarter hours, both ends of the day, clocks that change at midnight or by half an hour."""


def micro(text: str, zone: str = "UTC") -> int:
    """Microseconds UTC of a wall clock's reading."""
    return int(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp()) * 1_000_000


def opened(start: int, anchor_day: int, zone: str) -> Book:
    book = Book()
    post(book, c.OpenAccount(org_id=1, monthly_allowance=300, anchor_day=anchor_day, time_zone=zone), start)
    return book


def period_ends(start: int, anchor_day: int, zone: str, months: int) -> list[int]:
    """The ends of the first periods, touching the account exactly at each of them, and checking what each touch did."""
    book = opened(start, anchor_day, zone)
    ends: list[int] = []
    for number in range(months):
        account = book.account
        assert account is not None
        end = account.period_end
        ends.append(end)
        assert number % 12 or post(book, c.Touch(org_id=1), end - 1) == []
        entries = post(book, c.Touch(org_id=1), end)
        assert [(entry.kind, entry.at) for entry in entries] == [("expire", end), ("allowance", end)]
        assert book.account is not None
        assert book.account.period_start == end
        assert book.account.period_number == number + 1
        assert book.account.available == 300
    return ends


@pytest.mark.requirement("P4", "R8", "I9")
def test_every_anchor_in_every_kind_of_zone_has_one_allowance_a_period() -> None:
    """A slice of `testkase campaign calendar`, which walks through eight years of all zones. killbill/killbill#1856,
    simstudioai/sim#7078: reset late by the zone's offset, twice, or never."""
    outcome = calendar(ZONES, months=MONTHS, seed=20_261_122)
    assert outcome.faults == [], outcome.line
    assert outcome.figures["periods"] == len(ZONES) * 31 * MONTHS


@pytest.mark.requirement("P4")
def test_the_31st_is_clamped_to_short_months_and_comes_back() -> None:
    """polarsource/polar#10664, useautumn/autumn#2115: the 31st became the 28th for ever."""
    start = micro("2027-01-31T00:00:00")
    days = [datetime.fromtimestamp(end / 10**6, UTC).strftime("%d %b") for end in period_ends(start, 31, "UTC", 13)]
    assert days == ["28 Feb", "31 Mar", "30 Apr", "31 May", "30 Jun", "31 Jul", "31 Aug", "30 Sep", "31 Oct", "30 Nov",
                    "31 Dec", "31 Jan", "29 Feb"]  # fmt: skip


@pytest.mark.requirement("P4")
@pytest.mark.parametrize(
    ("opening", "anchor_day", "zone", "end"),
    [
        ("2026-11-30T23:59:59.999999+00:00", 1, "UTC", "2026-12-01T00:00:00+00:00"),
        ("2026-12-01T00:00:00+00:00", 1, "UTC", "2027-01-01T00:00:00+00:00"),
        ("2026-11-30T23:30:00+00:00", 1, "Europe/Berlin", "2026-12-31T23:00:00+00:00"),
        ("2026-11-30T22:59:59+00:00", 1, "Europe/Berlin", "2026-11-30T23:00:00+00:00"),
        ("2026-12-01T03:00:00+00:00", 1, "America/New_York", "2026-12-01T05:00:00+00:00"),
        ("2027-02-28T12:00:00+00:00", 30, "UTC", "2027-03-30T00:00:00+00:00"),
        ("2027-02-27T12:00:00+00:00", 30, "UTC", "2027-02-28T00:00:00+00:00"),
        ("2028-02-28T12:00:00+00:00", 31, "UTC", "2028-02-29T00:00:00+00:00"),
        ("2026-11-30T11:00:00+00:00", 1, "Pacific/Kiritimati", "2026-12-31T10:00:00+00:00"),
        ("2027-03-28T12:00:00+00:00", 29, "Asia/Beirut", "2027-03-28T21:00:00+00:00"),
        ("2027-04-29T12:00:00+00:00", 30, "Africa/Cairo", "2027-04-29T22:00:00+00:00"),
    ],
)
def test_the_first_period_ends_at_the_first_boundary_after_the_opening(
    opening: str, anchor_day: int, zone: str, end: str
) -> None:
    at = round(datetime.fromisoformat(opening).timestamp() * 10**6)
    account = opened(at, anchor_day, zone).account
    assert account is not None
    assert account.period_end == micro(datetime.fromisoformat(end).astimezone(UTC).replace(tzinfo=None).isoformat())
    assert account.period_start <= at


@pytest.mark.requirement("R8", "I9")
@pytest.mark.parametrize("zone", ["UTC", "America/Havana", "Australia/Lord_Howe"])
@pytest.mark.parametrize("anchor_day", [1, 29, 31])
def test_years_of_downtime_are_caught_up_with_the_same_periods(zone: str, anchor_day: int) -> None:
    start = micro("2026-11-22T10:11:12", zone)
    expected = boundaries(start, anchor_day, zone, 37)
    entries = post(opened(start, anchor_day, zone), c.Touch(org_id=1), expected[35])
    assert [entry.at for entry in entries if entry.kind == "allowance"] == expected[:36]
    assert [entry.at for entry in entries if entry.kind == "expire"] == expected[:36]
    assert [entry.expires_at for entry in entries if entry.kind == "allowance"] == expected[1:]


@pytest.mark.parametrize(
    "wrong",
    [
        {"anchor_day": 0},
        {"anchor_day": 32},
        {"anchor_day": -1},
        {"time_zone": "Mars/Base"},
        {"time_zone": ""},
        {"time_zone": "../etc/passwd"},
        {"time_zone": "Europe/Berlin\x00"},
    ],
)
def test_an_anchor_or_a_zone_that_does_not_exist_is_refused(wrong: dict[str, object]) -> None:
    command = c.OpenAccount(org_id=1, monthly_allowance=300, **wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidCommand):
        decide(Book(), command, 10**15)
