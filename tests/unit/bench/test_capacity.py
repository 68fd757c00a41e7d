"""The capacity model's arithmetic; its measurement has a slice of its own."""

import pytest

from bench.capacity import Assumptions, Costs, need

COSTS = Costs(
    app_us=60.0, database_us=120.0, bytes_kept={"ledger.entry": 800.0, "ledger.usage": 600.0}, wal_bytes=3_000.0
)


def test_a_day_of_calls_is_computed_from_the_cost_of_one() -> None:
    needs = need(86_400_000, COSTS, 3, Assumptions(peak=2.0, busy=0.5, gateway_app_us=40.0))
    assert needs.calls_a_second == 2_000  # 1,000 on average
    assert needs.rows_a_day == 259_200_000
    assert needs.bytes_a_day == pytest.approx(86_400_000 * 1_400)
    assert needs.wal_a_second == 6_000_000
    assert needs.app_cores == pytest.approx(2_000 * 100e-6 / 0.5)
    assert needs.database_cores == pytest.approx(2_000 * 120e-6 / 0.5)
