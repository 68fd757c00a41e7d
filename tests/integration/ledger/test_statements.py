"""Statements add up, agree with the journal and the daily figures, and cost the same whatever the month was like."""

import random
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from testkase.core.ledger import commands as ask
from testkase.core.ledger import queries
from testkase.core.ledger.calendar import to_micros
from testkase.core.ledger.consumption import Part
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute, execute_one
from testkase.core.ledger.statement import PeriodStatement, StatementDetail, statement, statements
from testkase.foundation.database import Operation, SyncDatabase
from testkase.foundation.problems import NotFound
from tests.support.cluster import TestDatabase
from tests.support.ledger import fresh_org, hold, open_account, settle
from tests.support.usage import blocks, write_usage

DAY = 86_400 * MICRO
START = 1_767_225_600 * MICRO  # 2026-01-01T00:00:00Z
SUMS = ("allowance", "granted", "bought", "adjusted", "used", "expired", "reversed", "overage", "debt")


def last_periods(org_id: int, periods: int = 12) -> Operation[list[PeriodStatement]]:
    return (yield from statements((yield from queries.balance(org_id)), periods=periods))


def month(org_id: int, name: str) -> Operation[StatementDetail]:
    return (yield from statement((yield from queries.balance(org_id)), name))


def adds_up(one: PeriodStatement) -> bool:
    came = one.opening + one.allowance + one.granted + one.bought + one.adjusted + one.overage + one.debt
    return one.closing == came - one.used - one.expired - one.reversed


@pytest.fixture(scope="module")
def books(module_database: TestDatabase) -> Any:
    database = SyncDatabase(module_database.app_url)
    yield database
    database.close()


def a_random_year(books: SyncDatabase, dice: random.Random) -> int:
    """An organization in a zone west of Greenwich, its months beginning on the 31st."""
    org_id, now = fresh_org(), START
    books.run(execute_one(open_account(org_id, anchor_day=31, time_zone="America/New_York"), clock=now))
    for step in range(150):
        now += dice.choice([0, MICRO, 3600 * MICRO, DAY, 12 * DAY])
        books.run(execute([_random_command(dice, org_id, step, now) for _ in range(dice.randint(1, 5))], clock=now))
    return org_id


def _random_command(dice: random.Random, org_id: int, step: int, now: int) -> ask.Command:
    name = f"h{dice.randint(max(0, step - 4), step)}"
    subject = Subject(
        use_case=dice.choice(["chat", "report"]), user=dice.choice("abc"), project=dice.choice([None, "WEB"])
    )
    grant = ask.Grant(
        org_id=org_id, grant_id=name, amount=dice.randint(1, 90 * MICRO), source=dice.choice(["grant", "purchase"]),
        expires_at=dice.choice([None, now + 3 * DAY, now + 40 * DAY]),
    )  # fmt: skip
    return dice.choice(
        [
            hold(org_id, name, dice.randint(0, 120), ttl_seconds=dice.choice([1, 60, 86_400])),
            settle(org_id, name, dice.randint(0, 150)),
            ask.RecordUsage(org_id=org_id, usage_id=name, subject=subject, credits=dice.randint(0, 9 * MICRO)),
            ask.Adjust(org_id=org_id, adjustment_id=name, amount=dice.choice([-1, 1]) * 7 * MICRO, note="a slip"),
            grant,
            ask.Reverse(
                org_id=org_id,
                reversal_id=str(step),
                grant_id=name,
                clawed=dice.randint(0, 90 * MICRO),
                frozen=dice.random() < 0.2,
            ),
            ask.CoverDebt(org_id=org_id, cover_id=str(step)),
            ask.WriteOff(org_id=org_id, writeoff_id=str(step), note="a courtesy"),
            ask.SetOverage(org_id=org_id, setting_id=str(step), limit=dice.choice([0, 90 * MICRO])),
        ]
    )


def by_walking(owner_url: str, org_id: int) -> list[dict[str, int]]:
    """The same figures, added up entry by entry."""
    periods: list[dict[str, int]] = []
    with psycopg.connect(owner_url, row_factory=dict_row) as owner:
        rows = owner.execute(
            "SELECT e.*, l.source FROM ledger.entry AS e"
            " LEFT JOIN ledger.lot AS l ON l.org_id = e.org_id AND l.lot_id = e.seq WHERE e.org_id = %s ORDER BY e.seq",
            [org_id],
        ).fetchall()
    balance = 0
    for row in rows:
        if row["kind"] == "allowance":
            periods.append(defaultdict(int, opening=balance))
        balance += row["available"] + row["held"]
        sums = periods[-1]
        granted = "bought" if row["source"] == "purchase" else "granted"
        name = {"allowance": "allowance", "grant": granted, "overage": "billed"}.get(row["kind"], "adjusted")
        sums[name] -= row["issued"]
        if row["kind"] == "adjust":
            sums["adjusted"] -= row["reversed"]
        else:
            sums["reversed"] += row["reversed"]
        if row["kind"] != "overage":
            sums["overage"] -= row["overage"]
        sums["debt"] -= row["debt"]
        sums["used"] += row["used"]
        sums["expired"] += row["expired"]
        sums["closing"] = balance
    return periods


@pytest.mark.requirement("B12", "R7", "R8")
@pytest.mark.parametrize("seed", range(3))
def test_every_month_of_a_random_year_adds_up(books: SyncDatabase, module_database: TestDatabase, seed: int) -> None:
    org_id = a_random_year(books, random.Random(seed))
    told = books.run(last_periods(org_id, 500), org_id=org_id)[::-1]
    walked = by_walking(module_database.owner_url, org_id)
    assert len(told) > 6
    assert [{name: getattr(one, name) for name in ("opening", *SUMS, "closing")} for one in told] == [
        {name: sums[name] for name in ("opening", *SUMS, "closing")} for sums in walked
    ]
    assert all(adds_up(one) for one in told)
    assert [one.opening for one in told[1:]] == [one.closing for one in told[:-1]]
    assert [one.started_at for one in told[1:]] == [one.ends_at for one in told[:-1]]
    assert [one.closed for one in told] == [True] * (len(told) - 1) + [False]
    assert told[-1].used == books.run(queries.balance(org_id), org_id=org_id).period_used


@pytest.mark.requirement("B12", "P7", "P10")
def test_a_month_with_a_refund_a_write_off_and_overage_names_each_of_them(books: SyncDatabase) -> None:
    """100 bought and used, then refunded: 100 owed, of which gifts cover 30 and 10 and 60 are forgiven. Then the refund
    fails: what the gifts covered comes back, what was forgiven does not."""
    org_id, number = fresh_org(), iter(range(100))

    def post(*commands: ask.Command, hour: int) -> None:
        for command in commands:
            books.run(execute_one(command, clock=START + hour * 3_600 * MICRO + next(number)))

    spent = ask.RecordUsage(
        org_id=org_id, usage_id="u", subject=Subject(use_case="chat", user="a"), credits=107 * MICRO
    )
    post(
        open_account(org_id, 0),
        ask.SetOverage(org_id=org_id, setting_id="s", limit=20 * MICRO),
        ask.Grant(org_id=org_id, grant_id="pack", amount=100 * MICRO, source="purchase", paid=True),
        spent,
        hold(org_id, "open", 4, ttl_seconds=86_400),
        ask.Reverse(org_id=org_id, reversal_id="r", grant_id="pack", clawed=100 * MICRO),
        ask.Grant(org_id=org_id, grant_id="gift", amount=30 * MICRO),
        ask.WriteOff(org_id=org_id, writeoff_id="w", note="a courtesy", amount=60 * MICRO),
        hour=31 * 24 - 1,
    )
    post(
        settle(org_id, "open", 1),
        ask.Adjust(org_id=org_id, adjustment_id="a", amount=25 * MICRO, note="a gift"),
        ask.Reverse(org_id=org_id, reversal_id="failed", grant_id="pack", clawed=0),
        hour=31 * 24 + 1,
    )
    january = books.run(month(org_id, "2026-01"), org_id=org_id).period
    february = books.run(month(org_id, "2026-02"), org_id=org_id).period
    assert {name: amount // MICRO for name in SUMS if (amount := getattr(january, name))} == {
        "bought": 100, "granted": 30, "used": 107, "reversed": 100, "adjusted": 60, "overage": 11, "debt": 10,
    }  # fmt: skip
    assert (january.closing, adds_up(january)) == (4 * MICRO, True)
    assert (february.overage, february.adjusted, february.reversed) == (-3 * MICRO, -35 * MICRO, -100 * MICRO)
    assert adds_up(february)
    bills = books.run(queries.overage_bills(org_id), org_id=org_id)
    assert [(bill.period_number, bill.credits) for bill in bills] == [(0, 7 * MICRO)]


@pytest.mark.requirement("B12", "R54", "I11")
def test_the_breakdowns_of_a_month_add_up_to_what_was_used(books: SyncDatabase) -> None:
    org_id = a_random_year(books, random.Random(12))
    for one in books.run(last_periods(org_id), org_id=org_id):
        told = books.run(month(org_id, one.name), org_id=org_id)
        assert told.period == one
        assert {sum(part.charged for part in told.parts[by]) for by in Part} == {one.used}
        assert len({sum(part.interactions for part in told.parts[by]) for by in Part}) == 1
        assert sum(expiry.expired for expiry in told.expiries) == one.expired


@pytest.mark.requirement("B12", "P4")
def test_a_month_is_named_after_the_one_it_begins_in_and_opens_with_the_account(books: SyncDatabase) -> None:
    org_id, opened = fresh_org(), START + 9 * DAY + 3_600 * MICRO
    books.run(execute_one(open_account(org_id, anchor_day=31, time_zone="Europe/Berlin"), clock=opened))
    books.run(execute_one(ask.Touch(org_id=org_id), clock=START + 70 * DAY))
    told = books.run(last_periods(org_id), org_id=org_id)
    assert [one.name for one in told] == ["2026-02", "2026-01", "2025-12"]
    first = told[-1]
    assert (first.started_at, first.opening, first.allowance, first.expired) == (opened, 0, 300 * MICRO, 300 * MICRO)
    assert first.ends_at == to_micros(datetime(2026, 1, 30, 23, tzinfo=UTC))


@pytest.mark.requirement("B12")
def test_credits_bought_to_last_are_carried_over(books: SyncDatabase) -> None:
    org_id = fresh_org()
    books.run(execute_one(open_account(org_id), clock=START))
    bought = ask.Grant(org_id=org_id, grant_id="p", amount=50 * MICRO, source="purchase", paid=True)
    spent = ask.RecordUsage(
        org_id=org_id, usage_id="u", subject=Subject(use_case="chat", user="a"), credits=310 * MICRO
    )
    books.run(execute([bought, spent], clock=START + DAY))
    books.run(execute_one(ask.Touch(org_id=org_id), clock=START + 40 * DAY))
    february, january = books.run(last_periods(org_id), org_id=org_id)
    assert (january.bought, january.used, january.expired, january.closing) == (
        50 * MICRO, 310 * MICRO, 0, 40 * MICRO,
    )  # fmt: skip
    assert (february.opening, february.allowance, february.closing) == (40 * MICRO, 300 * MICRO, 340 * MICRO)
    assert (january.grants, february.grants) == (((START + DAY, 50 * MICRO),), ()), "the allowance begins each month"


@pytest.mark.parametrize("name", ["2025-12", "2026-02", "2026-1", "2026-13", "", "9999-12", "٢٠٢٦-٠١", "2026-01-01"])
def test_a_month_the_organization_never_had_has_no_statement(books: SyncDatabase, name: str) -> None:
    org_id = fresh_org()
    books.run(execute_one(open_account(org_id), clock=START))
    with pytest.raises(NotFound):
        books.run(month(org_id, name), org_id=org_id)


@pytest.mark.requirement("B12")
def test_a_statement_reads_as_little_of_a_long_month_as_of_a_short_one(
    books: SyncDatabase, module_database: TestDatabase
) -> None:
    short, long = 900_001, 900_002
    with psycopg.connect(module_database.owner_url, autocommit=True) as owner:
        for org_id, rows in ((short, 500), (long, 25_000)):
            write_usage(owner, org_id, rows)
            owner.execute(
                "UPDATE ledger.entry SET kind = 'allowance', operation_id = 'allowance:0'"
                " WHERE org_id = %s AND seq = 1",
                [org_id],
            )
        owner.execute("VACUUM ANALYZE ledger.usage, ledger.entry")
    read = {org_id: blocks(books, org_id, last_periods(org_id)) for org_id in (short, long)}
    assert read[long] <= read[short] + 20, read
