"""A zone whose rules are corrected after a month has begun there, as in Almaty on 1 March 2024."""

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from testkase.core.ledger import calendar, queries
from testkase.core.ledger import commands as ask
from testkase.core.ledger.calendar import to_micros
from testkase.core.ledger.closing import close_days
from testkase.core.ledger.consumption import Part, usage_by_day
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.operations import execute
from testkase.core.ledger.statement import statement, statements
from testkase.foundation.database import SyncDatabase
from tests.support.ledger import SUBJECT, fresh_org, open_account

OPENED = to_micros(datetime(2024, 2, 10, 6, tzinfo=UTC))
DAY = 86_400 * MICRO
DAYS = 30
ZONE = "Asia/Almaty"


@pytest.fixture
def corrected() -> Iterator[pytest.MonkeyPatch]:
    """Six hours ahead of UTC until it is undone, five from 1 March on after that, as was decided in January."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calendar, "ZoneInfo", lambda name: ZoneInfo("Asia/Dhaka" if name == ZONE else name))
        _forget()
        yield patch
    _forget()


def _forget() -> None:
    for remembered in (calendar.boundary, calendar._day_of_quarter):
        remembered.cache_clear()


@pytest.mark.requirement("I11", "B12", "P4")
@pytest.mark.parametrize("summed_up", [False, True])
def test_a_month_that_began_before_its_zone_was_corrected_keeps_its_days_and_its_name(
    elsewhere: SyncDatabase, corrected: pytest.MonkeyPatch, *, summed_up: bool
) -> None:
    org_id = fresh_org()
    elsewhere.run(execute([open_account(org_id, anchor_day=1, time_zone=ZONE)], clock=OPENED))
    for day in range(DAYS):
        used = ask.RecordUsage(org_id=org_id, usage_id=f"d{day}", subject=SUBJECT, credits=MICRO)
        elsewhere.run(execute([used], clock=OPENED + day * DAY))
    if summed_up:
        assert elsewhere.run(close_days(org_id)) == DAYS - 2
    corrected.undo()
    _forget()
    standing = elsewhere.run(queries.balance(org_id), org_id=org_id)
    summary = elsewhere.run(queries.usage_summary(org_id), org_id=org_id)
    assert sum(part.charged for part in summary) == standing.period_used
    first = standing.first_day(standing.period_number)
    asked = usage_by_day(org_id, Part.USER, first_day=first, most=9)
    assert sum(day.charged for day in elsewhere.run(asked, org_id=org_id)) == standing.period_used
    told = elsewhere.run(statements(standing), org_id=org_id)
    assert [one.name for one in told] == ["2024-03", "2024-02"]
    for one in told:
        detail = elsewhere.run(statement(standing, one.name), org_id=org_id)
        assert sum(part.charged for parts in detail.parts.values() for part in parts) == 3 * one.used
