"""What a call changes is found by its key, whatever else there is and has been."""

import asyncio

import psycopg
import pytest

from testkase.core.ledger.engine import Engine
from testkase.foundation.problems import Problem
from tests.support.cluster import TestDatabase
from tests.support.ledger import fresh_org, hold, open_account, settle

_DAYS_OF_OTHERS = """
    INSERT INTO ledger.usage_day (
        org_id, day, use_case, user_ref, project_ref, interactions, charged, input_tokens, output_tokens)
    SELECT 1000000 + org, date '2026-01-01' + day, 'chat', 'user' || person || '@' || org, 'DEMO', 1, 1, 1, 1
    FROM generate_series(1, 200) AS org, generate_series(1, 10) AS person, generate_series(1, 20) AS day
"""
_PAIRS = 3


@pytest.mark.parametrize("organizations", [1, 20])
async def test_a_pair_looks_through_no_other_days_or_due_dates(database: TestDatabase, organizations: int) -> None:
    orgs = [fresh_org() for _ in range(organizations)]
    engine = Engine(database.app_url)
    await engine.start()
    everybody = (*orgs, *(fresh_org() for _ in range(200)))
    await engine.submit_many([open_account(org, anchor_day=1 + org % 28) for org in everybody])
    with psycopg.connect(database.owner_url, autocommit=True) as owner:
        owner.execute(_DAYS_OF_OTHERS)
        owner.execute("ANALYZE ledger.usage_day")
        owner.execute("ANALYZE ledger.account")
        owner.execute("SELECT pg_stat_reset()")
        for number in range(_PAIRS):
            for command in (hold, settle):
                told = await engine.submit_many([command(org, f"h{number}", 1) for org in orgs])
                assert not any(isinstance(outcome, Problem) for outcome in told)
        await engine.stop()
        while owner.execute(  # what a connection counted is known when it has ended
            "SELECT FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'testkase-ledger'"
        ).fetchone():
            await asyncio.sleep(0.05)
        found = owner.execute(
            "SELECT indexrelname, idx_scan FROM pg_stat_user_indexes"
            " WHERE relname IN ('usage_day', 'account') AND idx_scan > 0"
        ).fetchall()
    assert {name for name, _ in found} <= {"usage_day_pkey", "account_pkey"}, found
    assert engine.heads.confirmed
