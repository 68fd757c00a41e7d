"""Which past days say how much is needed: not those on which nothing was left to be used."""

from datetime import date, timedelta

import pytest

from testkase.core.ledger.calendar import day_start
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.model import Lot
from testkase.core.ledger.outlook import dry_days, expected
from testkase.core.ledger.queries import Balance
from testkase.core.ledger.statement import PeriodStatement

SEPTEMBER = 2026 * 12 + 8
DAY = 20 * MICRO
"""What is used on every day on which there is something."""


def balance(today: date, available: int) -> Balance:
    number = today.month - 9
    start, end = (day_start("UTC", date(2026, 9 + number + later, 1)) for later in (0, 1))
    return Balance(
        org_id=1, available=available, held=0, debt=0, overage_limit=0, overage=0, overage_used=0,
        period_number=number, period_start=start, period_end=end, period_used=300 * MICRO - available,
        monthly_allowance=300 * MICRO, ai_enabled=True, anchor_day=1, anchor_month=SEPTEMBER, time_zone="UTC",
        last_seq=1, last_at=0, due=False,
    )  # fmt: skip


def month(
    number: int, used: int, *, closed: bool = True, bought: dict[date, int] | None = None, back: int = 0
) -> PeriodStatement:
    """Of what was left of the allowance and of what was bought, everything expired. `back`: went with a refund."""
    grants = tuple((day_start("UTC", day) + 1, credits) for day, credits in (bought or {}).items())
    left = 300 * MICRO + sum(credits for _, credits in grants) - used - back
    nothing = dict.fromkeys(("opening", "granted", "adjusted", "overage", "debt"), 0)
    return PeriodStatement(
        number=number, name="", started_at=0, ends_at=0, closed=closed, allowance=300 * MICRO, used=used,
        expired=left if closed else 0, closing=0 if closed else left, grants=grants, reversed=back,
        bought=sum(credits for _, credits in grants), **nothing,
    )  # fmt: skip


def days(first: date, count: int) -> dict[date, int]:
    return {first + timedelta(days=later): DAY for later in range(count)}


@pytest.mark.requirement("B7")
def test_whoever_runs_out_in_the_middle_of_each_month_is_told_at_its_beginning() -> None:
    """Half of the past days lay idle, and half of the use was forecast: that 300 credits last for a month of 600."""
    today = date(2026, 11, 2)
    account, now = balance(today, 280 * MICRO), day_start("UTC", today)
    charged = days(date(2026, 9, 1), 15) | days(date(2026, 10, 1), 15) | days(date(2026, 11, 1), 1)
    months = [month(2, DAY, closed=False), month(1, 15 * DAY), month(0, 15 * DAY)]
    dry = dry_days(account, charged, months, now=now)
    assert dry == frozenset(days(date(2026, 9, 16), 15) | days(date(2026, 10, 16), 16))
    lot = Lot(
        org_id=1, lot_id=1, source="allowance", paid=False, priority=0, granted=300 * MICRO, available=280 * MICRO,
        held=0, granted_at=0, expires_at=account.period_end, reference="",
    )  # fmt: skip
    found = expected(account, charged, [lot], now=now, dry=dry)
    assert found is not None
    assert (found.low, found.likely, found.high) == (14, 14, 14)
    assert found.need_likely == 29 * DAY


@pytest.mark.requirement("B7")
def test_a_part_that_was_used_on_nothing_but_such_days_has_a_forecast_all_the_same() -> None:
    today = date(2026, 11, 30)
    account, now = balance(today, 0), day_start("UTC", today)
    used = days(date(2026, 11, 15), 1)
    found = expected(account, used, [], now=now, dry=frozenset(days(date(2026, 11, 15), 15)))
    assert found is not None
    assert found.weeks == 2


@pytest.mark.requirement("B7")
def test_idle_days_with_credits_left_are_idle_days() -> None:
    today = date(2026, 11, 2)
    charged = days(date(2026, 9, 1), 14) | days(date(2026, 10, 1), 14)
    months = [month(2, 0, closed=False), month(1, 14 * DAY), month(0, 14 * DAY)]
    assert not dry_days(balance(today, 300 * MICRO), charged, months, now=day_start("UTC", today))


@pytest.mark.requirement("B7")
@pytest.mark.parametrize(("used", "dry"), [(15, 5), (14, 0), (16, 0)])
def test_a_month_that_runs_is_dry_since_nothing_was_left(used: int, dry: int) -> None:
    """Used up on the 15th; or on the 14th with a day's use left, or today: there was something until then."""
    today = date(2026, 11, 21)
    charged = days(date(2026, 11, 1), min(used, 15))
    months = [month(2, min(used, 15) * DAY, closed=False)]
    if used == 16:
        charged, months = days(date(2026, 11, 1), 14), [month(2, 15 * DAY, closed=False)]
    found = dry_days(balance(today, 300 * MICRO - months[0].used), charged, months, now=day_start("UTC", today))
    assert len(found) == dry


@pytest.mark.requirement("B7")
@pytest.mark.parametrize("closed", [True, False])
@pytest.mark.parametrize("left", [0, 5 * MICRO])
def test_days_before_a_purchase_in_the_middle_of_a_month_are_dry_as_well(closed: bool, left: int) -> None:
    """Used up on the 15th, bought on the 20th, used from then on: four days lay idle for want of credits alone."""
    charged = days(date(2026, 10, 1), 15) | days(date(2026, 10, 20), 5)
    charged[date(2026, 10, 1)] -= left
    today = date(2026, 11, 2) if closed else date(2026, 10, 25)
    months = [month(1, sum(charged.values()), closed=closed, bought={date(2026, 10, 20): 1_000 * MICRO})]
    months = [month(2, 0, closed=False), *months] if closed else months
    account = balance(today, 300 * MICRO if closed else months[0].closing)
    found = dry_days(account, charged, months, now=day_start("UTC", today))
    assert found == frozenset(days(date(2026, 10, 16), 4))


@pytest.mark.requirement("B7")
def test_what_is_bought_today_does_not_hide_that_nothing_was_left_before() -> None:
    today = date(2026, 10, 20)
    charged = days(date(2026, 10, 1), 15)
    months = [month(1, 15 * DAY, closed=False, bought={today: 1_000 * MICRO})]
    found = dry_days(balance(today, 1_000 * MICRO), charged, months, now=day_start("UTC", today))
    assert found == frozenset(days(date(2026, 10, 16), 4))


@pytest.mark.requirement("B7")
def test_idle_days_before_a_purchase_are_idle_where_credits_were_left_or_a_refund_took_some() -> None:
    today = date(2026, 11, 2)
    charged = days(date(2026, 10, 1), 5) | days(date(2026, 10, 20), 5)
    for back in (0, 1_000 * MICRO):
        bought = {date(2026, 10, 20): 1_000 * MICRO}
        months = [month(2, 0, closed=False), month(1, 10 * DAY, bought=bought, back=back)]
        assert not dry_days(balance(today, 300 * MICRO), charged, months, now=day_start("UTC", today))
