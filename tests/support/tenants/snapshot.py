"""What the database holds, as one short text per table: a request that must change nothing leaves all of them equal."""

from typing import LiteralString

import psycopg
from psycopg import sql

from tests.support.cluster import TestDatabase

_TABLES: LiteralString = """
SELECT n.nspname, c.relname,
       EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'org_id' AND NOT a.attisdropped)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND c.relname NOT IN ('django_session', 'django_migrations', 'auth_permission', 'django_content_type')
ORDER BY 1, 2
"""


_PASSING = {"public.api_key": "last_used_at", "ledger.account": "due_at"}
"""Columns that move with time alone, whoever asks for what meanwhile: when a key was last used is written down every
half minute, and when time next has something to do (a hold's end, say) once that moment is over. What time then does
is an entry, and seen."""


class Snapshots:
    """Looks at the whole database from outside, past row security."""

    def __init__(self, database: TestDatabase) -> None:
        self._connection = psycopg.connect(database.owner_url, autocommit=True)
        tables = self._connection.execute(_TABLES).fetchall()
        whole = [_digest(schema, table, sql.SQL("true")) for schema, table, _ in tables]
        one = [_digest(schema, table, sql.SQL("org_id = %(org)s")) for schema, table, owned in tables if owned]
        self._whole, self._one = (sql.SQL(" UNION ALL ").join(each) for each in (whole, one))

    def close(self) -> None:
        self._connection.close()

    def everything(self) -> dict[str, str]:
        """Every table but the sessions', by name."""
        return dict(self._connection.execute(self._whole).fetchall())

    def of(self, org_id: int) -> dict[str, str]:
        """One organization's rows in every table that has an organization."""
        return dict(self._connection.execute(self._one, {"org": org_id}).fetchall())


def changed(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The tables that are not as they were."""
    return [table for table, text in after.items() if before[table] != text]


def _digest(schema: str, table: str, where: sql.Composable) -> sql.Composable:
    passing = _PASSING.get(f"{schema}.{table}")
    row = sql.SQL("t") if passing is None else sql.SQL("(to_jsonb(t) - {})").format(sql.Literal(passing))
    return sql.SQL(
        "SELECT {label}, coalesce(sum(hashtextextended({row}::text, 0)), 0)::text FROM {table} t WHERE {where}"
    ).format(label=sql.Literal(f"{schema}.{table}"), row=row, table=sql.Identifier(schema, table), where=where)
