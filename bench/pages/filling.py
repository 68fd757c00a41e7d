"""Ten million interactions, written set-wise in SQL: what the ledger would have written in a year of them."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

MONTHS = 12
VACUUM = (
    "VACUUM (ANALYZE, FREEZE) ledger.entry, ledger.operation, ledger.usage, ledger.usage_day, ledger.lot,"
    " ledger.account, ledger.usage_closed, ledger.usage_part_day, ledger.usage_part_period"
)
"""Of all that is written here."""
_LATE = ("usage_by_user", "usage_by_project", "entry_supply")
"""Indexes that are built once the rows are there, in a fraction of the time."""


def fill(owner_url: str, org_id: int, rows: int) -> float:
    """Replace an organization's history by a year of `rows` interactions up to now; seconds it took."""
    began = time.monotonic()
    facts = _facts(org_id, rows)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("SET maintenance_work_mem = '512MB'")
        owner.execute("SET work_mem = '256MB'")
        later = [definition for name in _LATE for definition in _dropped(owner, name)]
        for statement in _statements():
            owner.execute(statement, facts)
        for definition in later:
            owner.execute(sql.SQL(definition))  # type: ignore[arg-type]
        owner.execute("DROP TABLE bench_row, bench_month")
        owner.execute(VACUUM)
    return time.monotonic() - began


def _facts(org_id: int, rows: int) -> dict[str, int]:
    now = datetime.now(UTC)
    month = now.year * 12 + now.month - 1
    start = _month(month - MONTHS + 1)
    return {
        "org_id": org_id, "rows": rows, "months": MONTHS, "first": start, "now": int(now.timestamp() * 1_000_000),
        "period_end": _month(month + 1), "allowance": 20_000 * (rows // MONTHS + 10_000),
    }  # fmt: skip


def _month(number: int) -> int:
    return int(datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


def _dropped(owner: psycopg.Connection[Any], index: str) -> list[str]:
    """The index's definition; the index itself is gone."""
    rows = owner.execute(
        "SELECT indexdef FROM pg_indexes WHERE schemaname = 'ledger' AND indexname = %s", [index]
    ).fetchall()
    owner.execute(sql.SQL("DROP INDEX IF EXISTS ledger.{}").format(sql.Identifier(index)))
    return [row[0].replace(" ON ONLY ", " ON ") for row in rows]  # a partitioned table's indexes go with it


def _statements() -> list[Any]:
    text = Path(__file__).with_name("fill.sql").read_text()
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("-- "))
    return [part.strip() for part in lines.split(";") if part.strip()]
