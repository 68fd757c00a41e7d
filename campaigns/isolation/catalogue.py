"""What there is to be tried, read from PostgreSQL's own catalogue: a table made tomorrow is among it tomorrow.

A relation with an org_id is an organization's, unless it is a directory (what is looked up before the organization is
known). Written without the product's own check at start: the two must come to the same.
"""

from dataclasses import dataclass
from typing import Any

import psycopg

from testkase.schema.directories import DIRECTORIES

DOORS = frozenset({
    "ledger.load", "ledger.append", "ledger.append_known", "ledger.append_limits", "ledger.append_many",
    "ledger.append_one",
    "ledger.account_ids", "ledger.due_accounts", "ledger.active_accounts", "ledger.pulses", "ledger.unwatched",
    "ledger.pass_quiet", "ledger.broken_receipt_series", "ledger.prepare_months", "ledger.months_standing",
    "ledger.prepare_usage_months", "ledger.usage_months_standing",
    "ledger.close_days", "ledger.open_days",
})  # fmt: skip
"""Functions that see every organization and that the application may call: the ways into the ledger, and those that
answer ids and numbers to the worker. Another one is a fault until it stands here."""

_RELATIONS = """
SELECT space.nspname, relation.relname, CASE WHEN relation.relispartition THEN 'part' ELSE relation.relkind::text END,
       relation.relrowsecurity AND relation.relforcerowsecurity,
       ARRAY(SELECT coalesce(pg_get_expr(polqual, polrelid), '') FROM pg_policy AS policy
             WHERE polrelid = relation.oid AND polpermissive
               AND (policy.polroles = '{0}' OR 'testkase_app'::regrole = ANY (policy.polroles)))
FROM pg_class AS relation JOIN pg_namespace AS space ON space.oid = relation.relnamespace
WHERE relation.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND space.nspname !~ '^pg_' AND space.nspname <> 'information_schema'
  AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = relation.oid AND attname = 'org_id' AND NOT attisdropped)
ORDER BY 1, 2
"""
_COLUMNS = """
SELECT a.attname, format_type(a.atttypid, NULL), t.typcategory::text, a.attnotnull, a.attidentity <> '',
       a.attgenerated <> '', CASE WHEN a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype) AND a.atttypmod > 4
                             THEN a.atttypmod - 4 END
FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_FUNCTIONS = """
SELECT space.nspname || '.' || p.proname, pg_get_function_identity_arguments(p.oid),
       coalesce(array_to_string(p.proconfig, ' '), '') LIKE '%search_path=%',
       EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS held WHERE held.grantee = 0)
FROM pg_proc AS p JOIN pg_namespace AS space ON space.oid = p.pronamespace
WHERE p.prosecdef AND space.nspname !~ '^pg_' AND space.nspname <> 'information_schema'
  AND has_function_privilege('testkase_app', p.oid, 'EXECUTE')
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column, as far as a row has to be made for it."""

    name: str
    type: str
    category: str
    needed: bool
    identity: bool
    generated: bool
    length: int | None


@dataclass(frozen=True, slots=True)
class Table:
    """A relation that belongs to organizations."""

    name: str
    kind: str
    """PostgreSQL's letter, or `part`: of another table, through which its rows come."""
    columns: tuple[Column, ...]
    fault: str | None
    """What is wrong with its protection, by the catalogue alone."""

    @property
    def holds_rows(self) -> bool:
        return self.kind in ("r", "p")

    @property
    def writable(self) -> tuple[str, ...]:
        """Names of columns that a row can be given values for."""
        return tuple(column.name for column in self.columns if not column.generated)


def tenant_tables(connection: psycopg.Connection[Any]) -> list[Table]:
    """Every relation that belongs to organizations, views among them."""
    found = []
    for schema, name, kind, forced, policies in connection.execute(_RELATIONS.encode()).fetchall():
        if name in DIRECTORIES:
            continue
        full = f'{schema}."{name}"'
        columns = tuple(Column(*row) for row in connection.execute(_COLUMNS.encode(), [full]).fetchall())
        found.append(Table(full, kind, columns, _fault(kind, forced=forced, policies=policies)))
    return found


def _fault(kind: str, *, forced: bool, policies: list[str]) -> str | None:
    if kind not in ("r", "p", "part"):
        return None  # what it shows is tried; it can have no policy of its own
    if not forced:
        return "is not under forced row-level security"
    if not policies and kind != "part":
        return "has no policy for the application"
    if not all("app.org_id" in policy for policy in policies):
        return "has a policy that does not ask for the organization"
    return None


def strange_functions(connection: psycopg.Connection[Any]) -> list[str]:
    """What is wrong with functions that run with another's rights."""
    wrong = []
    for name, arguments, pinned, public in connection.execute(_FUNCTIONS.encode()).fetchall():
        if name not in DOORS:
            wrong.append(f"{name}({arguments}) sees every organization, and the application may call it")
        if not pinned:
            wrong.append(f"{name}({arguments}) finds its tables by the caller's search path")
        if public:
            wrong.append(f"{name}({arguments}) may be called by everybody")
    return wrong
