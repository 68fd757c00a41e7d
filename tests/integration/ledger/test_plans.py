"""A batch costs the same whatever else is in the tables, and whatever was in them when its plan was made."""

from typing import Any

import psycopg

from testkase.core.ledger.commands import Grant, OpenAccount, OpenHold, SettleHold
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute, execute_one
from testkase.foundation.database import run

OPEN = 2000
SUBJECT = Subject(use_case="chat", user="ada@example.com")


def hold(number: int) -> OpenHold:
    return OpenHold(org_id=1, hold_id=f"h{number}", amount=10, ttl_seconds=300, subject=SUBJECT)


def rows_read(connection: psycopg.Connection[Any], table: str) -> int:
    """Index entries and rows read from the table so far."""
    connection.execute("SELECT pg_stat_force_next_flush()")
    connection.commit()
    row = connection.execute(
        "SELECT coalesce(seq_tup_read, 0) + coalesce((SELECT sum(i.idx_tup_read) FROM pg_stat_user_indexes AS i"
        " WHERE i.relid = t.relid), 0) FROM pg_stat_user_tables AS t WHERE t.relid = %s::regclass",
        [table],
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_settling_one_of_many_holds_reads_only_that_one_though_the_plan_was_made_on_an_empty_table(
    app_url: str, owner_url: str
) -> None:
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("VACUUM ANALYZE")
    with psycopg.connect(app_url) as connection:
        run(connection, execute_one(OpenAccount(org_id=1, monthly_allowance=0, ai_enabled=True)))
        for number in range(10):  # by now every statement has its lasting plan, and there was never a hold
            run(connection, execute_one(Grant(org_id=1, grant_id=f"g{number}", amount=10**9)))
        run(connection, execute([hold(number) for number in range(100, 100 + OPEN)]))
        connection.commit()
        before = rows_read(connection, "ledger.open_hold")
        run(connection, execute_one(SettleHold(org_id=1, hold_id="h200", credits=0)))
        connection.commit()
        assert rows_read(connection, "ledger.open_hold") - before < 20
