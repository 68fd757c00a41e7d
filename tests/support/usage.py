"""A long history of usage, written at once: the pages are asked what it costs them."""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from testkase.foundation.database import Operation, SyncDatabase, tenant

START = 1_767_225_600_000_000
"""The first interaction, in microseconds: 2026-01-01 in UTC. They are a minute apart unless said otherwise."""
MINUTE = 60_000_000
RARE_USER = "rare@example.com"
RARE_USE_CASE = "rare_feature"

_ACCOUNT = """
INSERT INTO ledger.account (org_id, available, held, debt, period_number, period_start, period_end, period_used, due_at,
    anchor_day, time_zone, anchor_month, monthly_allowance, ai_enabled, last_seq, last_at, last_hash)
VALUES (%(org_id)s, 0, 0, 0, 0, %(start)s, 9000000000000000000, 0, 9000000000000000000, 1, 'UTC', 24312, 0, true,
    %(rows)s, %(start)s + %(rows)s::bigint * %(minute)s, decode(repeat('00', 32), 'hex'))
"""
_ENTRIES = """
INSERT INTO ledger.entry (org_id, seq, operation_id, kind, at, issued, available, held, used, expired, reversed,
    overage, debt, lots, available_after, held_after, fingerprint, note, hash)
SELECT %(org_id)s, n, 'usage:' || n, 'usage', %(start)s + n * %(minute)s, 0, -10000, 0, 10000, 0, 0, 0, 0, '{}', 0, 0,
    '', '', decode(repeat('00', 32), 'hex')
FROM generate_series(1::bigint, %(rows)s::bigint) AS n
"""
_IDS = """
INSERT INTO ledger.operation (org_id, operation_id, seq, at)
SELECT org_id, operation_id, seq, at FROM ledger.entry WHERE org_id = %(org_id)s
"""
_USAGE = """
INSERT INTO ledger.usage (org_id, seq, usage_id, at, use_case, user_ref, project_ref, outcome, measurement, input,
    cached_input, cache_write, output, reasoning, cost, charged)
SELECT %(org_id)s, n, n::text, %(start)s + n * %(minute)s,
    CASE WHEN n <= 60 THEN 'rare_feature' ELSE (ARRAY['chat', 'report', 'test_generation'])[1 + n %% 3] END,
    CASE WHEN n <= 60 THEN 'rare@example.com' ELSE 'user' || n %% 20 || '@example.com' END,
    (ARRAY['SHOP', 'APP', NULL, 'CRM'])[1 + (n / 7) %% 4], 'completed', 'exact', 10, 0, 0, 10, 0, 10000, 10000
FROM generate_series(1::bigint, %(rows)s::bigint) AS n
"""

_DAYS = """
INSERT INTO ledger.usage_day (org_id, day, use_case, user_ref, project_ref, interactions, charged, input_tokens,
    output_tokens)
SELECT org_id, (to_timestamp(at / 1000000) AT TIME ZONE 'UTC')::date, use_case, user_ref, coalesce(project_ref, ''),
    count(*), sum(charged), sum(input), sum(output)
FROM ledger.usage WHERE org_id = %(org_id)s GROUP BY 1, 2, 3, 4, 5
"""


def write_usage(owner: psycopg.Connection[tuple[object, ...]], org_id: int, rows: int, *, apart: int = MINUTE) -> None:
    """As many interactions of 20 people in 3 use cases and 3 projects; the first 60 of one person nobody remembers."""
    facts = {"org_id": org_id, "rows": rows, "start": START, "minute": apart}
    for statement in (_ACCOUNT, _ENTRIES, _IDS, _USAGE, _DAYS):
        owner.execute(statement, facts)


def blocks(books: SyncDatabase, org_id: int, operation: Operation[Any]) -> int:
    """How many blocks of the database an operation's statements look at, planning left out."""
    total, rows = 0, None
    with books.pool.connection() as connection, connection.transaction(), connection.cursor(row_factory=dict_row) as on:
        on.execute(tenant(org_id).sql, {"org_id": str(org_id)})
        while True:
            try:
                statement = operation.send(rows)  # type: ignore[arg-type]
            except StopIteration:
                return total
            on.execute(f"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) {statement.sql}", statement.params)
            plan = on.fetchall()[0]["QUERY PLAN"][0]["Plan"]
            total += plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
            on.execute(statement.sql, statement.params)
            rows = on.fetchall()
