"""How long bought credits last is said by the bundle, and counted from the payment (P3)."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import cast
from zoneinfo import ZoneInfo

import pytest

from testkase.core.ledger.calendar import to_micros
from testkase.core.ledger.queries import Balance
from testkase.services.billing.purchasing.validity import lot_expiry
from tests.support.shop import Shop

BERLIN = cast(
    Balance, SimpleNamespace(time_zone="Europe/Berlin", period_end=to_micros(datetime(2026, 12, 1, tzinfo=UTC)))
)


@pytest.mark.requirement("P3", "R7")
def test_credits_of_the_billing_month_expire_with_it(shop: Shop) -> None:
    org = shop.organization()
    purchase = shop.bought(org.org_id)
    assert purchase.lot_expires_at == shop.balance(org.org_id).period_end


@pytest.mark.requirement("P3")
@pytest.mark.parametrize(
    ("bought", "months", "last_day"),
    [
        (datetime(2026, 11, 28, 12, tzinfo=UTC), 1, date(2026, 12, 28)),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), 1, date(2026, 2, 28)),
        (datetime(2026, 10, 31, 23, 30, tzinfo=UTC), 12, date(2027, 11, 1)),  # already November in Berlin
        (datetime(2028, 2, 29, 12, tzinfo=UTC), 12, date(2029, 2, 28)),
    ],
)
def test_so_many_months_end_with_the_same_day(bought: datetime, months: int, last_day: date) -> None:
    expires_at = lot_expiry("months", months, BERLIN, bought)
    assert expires_at is not None
    local = datetime.fromtimestamp(expires_at / 1_000_000, ZoneInfo("Europe/Berlin"))
    assert (local.hour, local.minute) == (0, 0)
    assert (local.date() - last_day).days == 1


def test_credits_without_an_end_never_expire() -> None:
    assert lot_expiry("never", 0, BERLIN, datetime(2026, 11, 28, tzinfo=UTC)) is None
