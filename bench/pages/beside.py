"""Other organizations beside the one whose pages are measured: statements are planned by the statistics of all."""

import psycopg
from psycopg import sql

from bench.pages.filling import VACUUM

OTHERS = 500
"""Interactions of each other organization, a year's."""
_FIRST = 1_000_000

_IDS = """
    INSERT INTO ledger.operation (org_id, operation_id, seq, at)
    SELECT org_id, operation_id, seq, at FROM ledger.entry WHERE org_id >= %s
"""
_DAYS = """
    INSERT INTO ledger.usage_day (
        org_id, day, use_case, user_ref, project_ref, interactions, charged, input_tokens, output_tokens)
    SELECT org_id, (to_timestamp(at / 1000000) AT TIME ZONE 'UTC')::date, use_case, user_ref,
           coalesce(project_ref, ''), count(*), sum(charged), sum(input), sum(output)
    FROM ledger.usage WHERE org_id >= %s GROUP BY 1, 2, 3, 4, 5
"""


def fill_beside(owner_url: str, org_id: int, rows: int, organizations: int) -> None:
    """So many organizations that each do a sample of what `org_id` did in `rows` interactions, with people of their own
    in projects of the same names."""
    with psycopg.connect(owner_url, autocommit=True) as owner:
        for table in ("account", "lot", "entry", "usage"):
            owner.execute(_copied(owner, table), {"org_id": org_id, "every": rows // OTHERS, "count": organizations})
        owner.execute(_IDS, [_FIRST])
        owner.execute(_DAYS, [_FIRST])
        owner.execute(
            "SELECT ledger.close_days(%s + n, 1000) FROM generate_series(1, %s) AS n", [_FIRST, organizations]
        )
        owner.execute(VACUUM)


def _copied(owner: psycopg.Connection[tuple[object, ...]], table: str) -> sql.Composed:
    """The statement that copies a table's rows, of interactions a sample."""
    found = owner.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attgenerated = '' ORDER BY attnum",
        [f"ledger.{table}"],
    ).fetchall()
    columns = [str(name) for (name,) in found]
    own = {
        "org_id": sql.SQL("{} + n").format(_FIRST),
        "user_ref": sql.SQL("split_part(x.user_ref, '@', 1) || '@organization' || n || '.example'"),
    }
    return sql.SQL(
        "INSERT INTO {table} ({columns}) SELECT {values} FROM {table} AS x, generate_series(1, %(count)s) AS n"
        " WHERE x.org_id = %(org_id)s AND {sample}"
    ).format(
        table=sql.Identifier("ledger", table),
        columns=sql.SQL(", ").join(map(sql.Identifier, columns)),
        values=sql.SQL(", ").join(own.get(name, sql.Identifier("x", name)) for name in columns),
        sample=sql.SQL({
            "entry": "(x.kind <> 'usage' OR x.seq %% %(every)s = 0)", "usage": "x.seq %% %(every)s = 0"
        }.get(table, "true")),
    )  # fmt: skip
