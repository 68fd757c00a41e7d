"""Slices of the campaigns about payments; `make campaign CAMPAIGN=payments` (or lost-reports) runs them whole."""

from pathlib import Path

import pytest

from campaigns.payments.lost_reports import lost_reports
from campaigns.payments.payments import payments
from tests.support.cluster import TestDatabase


@pytest.mark.slow
@pytest.mark.requirement("P9", "I8", "R33")
def test_everybody_reports_at_once_and_each_payment_is_credited_once(database: TestDatabase, tmp_path: Path) -> None:
    outcome = payments(database, tmp_path, paid=8, deliveries=600, forged=100, kills=1, seed=20_261_128)
    assert outcome.faults == [], outcome.line


@pytest.mark.requirement("B5", "P9")
def test_payments_nobody_reports_are_found_within_ten_minutes(database: TestDatabase, tmp_path: Path) -> None:
    outcome = lost_reports(database, tmp_path, paid=6, minutes=60, seed=20_261_128)
    assert outcome.faults == [], outcome.line
