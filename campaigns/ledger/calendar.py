"""Billing months of every anchor in every zone, eight years long, against a calendar found by searching.

Each account is opened at a random instant and then left alone for random stretches: touched a moment before a boundary,
exactly at it, somewhere in the month, or only months later. Whatever the pattern, it must have got one allowance at the
beginning of each period and lost what was left of the one before, and its periods must follow one another without gap.
"""

import random
import zoneinfo
from collections.abc import Iterable, Iterator

from campaigns.campaign import Campaign, Tick, unheard
from campaigns.outcome import Outcome
from testkase.core.ledger.book import Book
from testkase.core.ledger.commands import OpenAccount, Touch
from testkase.core.ledger.model import Entry
from tests.support.ledger import post
from tests.support.naive_calendar import boundaries

ANCHORS = range(1, 32)
_ALLOWANCE = 300
_EARLIEST, _LATEST = 1_700_000_000_000_000, 1_900_000_000_000_000
"""Microseconds: accounts are opened between November 2023 and March 2030."""
_STRETCHES = (1, 1, 1, 1, 2, 3, 14)
"""Months until the next touch."""


def all_zones() -> list[str]:
    """Every zone of the IANA database."""
    return sorted(zoneinfo.available_timezones())


def calendar(
    zones: Iterable[str], *, months: int, seed: int, anchors: Iterable[int] = ANCHORS, tick: Tick = unheard
) -> Outcome:
    """Walk each anchor in each zone through so many months."""
    outcome, accounts, days = Outcome("calendar", seed), 0, list(anchors)
    names = list(zones)
    for number, zone in enumerate(names, start=1):
        for anchor_day in days:
            dice = random.Random(f"{seed} {zone} {anchor_day}")
            outcome.faults += [f"{zone}, day {anchor_day}: {fault}" for fault in _walk(dice, zone, anchor_day, months)]
            accounts += 1
        tick(months * number // len(names))
    outcome.figures = {
        "zones": len(names), "anchors": len(days), "accounts": accounts, "periods": accounts * months,
    }  # fmt: skip
    return outcome


def run(size: int, seed: int, tick: Tick) -> Outcome:
    """Every anchor in every zone."""
    return calendar(all_zones(), months=size, seed=seed, tick=tick)


CALENDAR = Campaign(
    name="calendar", about="anchors 1-31 in every zone: months follow one another, one allowance each", counts="months",
    full=96, small=3, run=run,
)  # fmt: skip


def _walk(dice: random.Random, zone: str, anchor_day: int, months: int) -> Iterator[str]:
    """What was wrong with one account."""
    start = dice.randrange(_EARLIEST, _LATEST)
    ends = boundaries(start, anchor_day, zone, months + 1)
    book, done = Book(), 0
    post(book, OpenAccount(org_id=1, monthly_allowance=_ALLOWANCE, anchor_day=anchor_day, time_zone=zone), start)
    while done < months:
        until = min(done + dice.choice(_STRETCHES), months)
        if post(book, Touch(org_id=1), ends[done] - 1):
            yield f"something happened before the period's end {ends[done]}"
        now = dice.choice((ends[until - 1], dice.randrange(ends[until - 1], ends[until])))
        yield from _turned(post(book, Touch(org_id=1), now), ends[done:until], ends[until])
        yield from _standing(book, ends[until - 1], ends[until], until)
        done = until


def _turned(entries: list[Entry], ends: list[int], next_end: int) -> Iterator[str]:
    """At each boundary the rest expires and one allowance comes, which lasts until the next."""
    expected = [(kind, at) for at in ends for kind in ("expire", "allowance")]
    if [(entry.kind, entry.at) for entry in entries] != expected:
        yield f"{[(entry.kind, entry.at) for entry in entries]} instead of {expected}"
    expiries = [entry.expires_at for entry in entries if entry.kind == "allowance"]
    if expiries != [*ends[1:], next_end]:
        yield f"allowances last until {expiries}, not until {[*ends[1:], next_end]}"


def _standing(book: Book, start: int, end: int, number: int) -> Iterator[str]:
    """The account is in the period that the boundary began, with one allowance."""
    account = book.account
    found = account and (account.period_start, account.period_end, account.period_number, account.available)
    if found != (start, end, number, _ALLOWANCE):
        yield f"stands at {found}, not at {(start, end, number, _ALLOWANCE)}"
