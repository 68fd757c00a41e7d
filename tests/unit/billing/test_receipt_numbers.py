"""The year in a receipt's number is that of the day it names, and no number is given out twice around its end."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from testkase.services.billing.receipts import next_number

NEW_YEARS_EVE = datetime(2026, 12, 31, 20, 30, tzinfo=UTC)


def number(zone: str, restored_at: datetime | None = None) -> str:
    steps = next_number(NEW_YEARS_EVE.astimezone(ZoneInfo(zone)))
    next(steps)
    steps.send([{"restored_at": restored_at}])
    with pytest.raises(StopIteration) as done:
        steps.send([{"last_number": 7}])
    return str(done.value.value)


@pytest.mark.requirement("R78", "P4")
@pytest.mark.parametrize(("zone", "year"), [("America/New_York", 2026), ("UTC", 2026), ("Pacific/Auckland", 2027)])
def test_a_receipt_is_numbered_in_the_year_of_the_day_it_names(zone: str, year: int) -> None:
    assert number(zone) == f"R-{year}-000007"


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Auckland"])
def test_a_restore_at_the_end_of_a_year_begins_another_series_of_both(zone: str) -> None:
    """Numbers of the next year were given out before it, where that had begun already."""
    assert number(zone, datetime(2026, 12, 31, 20, 1, tzinfo=UTC)).endswith("-12312001-000007")
    assert "-12312001-" not in number(zone, datetime(2025, 12, 29, 20, 1, tzinfo=UTC))
