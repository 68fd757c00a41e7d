"""Row-level security that is written but inert protects nobody: this finds the ways in which it can be."""

from testkase.foundation.database import Operation, Row, Statement
from testkase.foundation.problems import Problem
from testkase.schema.directories import DIRECTORIES


class IsolationInert(Problem):
    """Organizations would not be kept apart by the database. The server does not start."""

    code = "isolation_inert"
    title = "Row-level security has no effect"


_ROLE = Statement("""
    SELECT role.rolname AS name, role.rolsuper, role.rolbypassrls, role.rolcreaterole,
           coalesce((
               SELECT array_agg(DISTINCT owner.rolname::text)
               FROM pg_class AS relation JOIN pg_roles AS owner ON owner.oid = relation.relowner
               JOIN pg_namespace AS space ON space.oid = relation.relnamespace
               WHERE relation.relkind IN ('r', 'p') AND space.nspname NOT IN ('pg_catalog', 'information_schema')
                 AND pg_has_role(role.oid, relation.relowner, 'MEMBER')
           ), '{}') AS owners_it_is,
           EXISTS (SELECT FROM pg_roles AS ledger WHERE ledger.rolname = 'testkase_ledger'
                   AND pg_has_role(role.oid, ledger.oid, 'MEMBER')) AS is_ledger,
           EXISTS (SELECT FROM pg_roles AS ledger WHERE ledger.rolname = 'testkase_ledger'
                   AND (ledger.rolsuper OR ledger.rolbypassrls)) AS ledger_is_free
    FROM pg_roles AS role WHERE role.rolname = current_user
""")

_TENANT_TABLES = Statement("""
    SELECT space.nspname AS schema, relation.relname AS name, relation.relrowsecurity, relation.relforcerowsecurity,
           EXISTS (SELECT FROM pg_policy WHERE polrelid = relation.oid)
               OR NOT has_any_column_privilege(relation.oid, 'SELECT, INSERT, UPDATE') AS is_kept,
           EXISTS (
               SELECT FROM pg_policy AS policy, unnest(policy.polroles) AS holder
               WHERE policy.polrelid = relation.oid AND policy.polpermissive AND policy.polcmd <> 'a'
                 AND (holder = 0 OR pg_has_role(holder, 'MEMBER'))
                 AND coalesce(pg_get_expr(policy.polqual, relation.oid), '') NOT LIKE '%app.org_id%'
           ) AS has_hole,
           space.nspname = 'ledger'
               AND has_table_privilege(relation.oid, 'INSERT, UPDATE, DELETE, TRUNCATE') AS is_open_ledger,
           space.nspname = 'ledger' AND relation.relname <> 'pause' AND EXISTS (
               SELECT FROM pg_policy AS policy, unnest(policy.polroles) AS holder
               WHERE policy.polrelid = relation.oid AND policy.polpermissive AND policy.polcmd IN ('*', 'a', 'w')
                 AND (holder = 0 OR holder = (SELECT oid FROM pg_roles WHERE rolname = 'testkase_ledger'))
                 AND pg_get_expr(coalesce(policy.polwithcheck, policy.polqual), relation.oid) = 'true'
           ) AS takes_anything,
           space.nspname = 'public' AND relation.relname = 'activity'
               AND has_table_privilege(relation.oid, 'UPDATE, DELETE, TRUNCATE') AS is_open_history
    FROM pg_class AS relation
    JOIN pg_namespace AS space ON space.oid = relation.relnamespace
    JOIN pg_attribute AS org ON org.attrelid = relation.oid AND org.attname = 'org_id' AND NOT org.attisdropped
    WHERE relation.relkind IN ('r', 'p') AND space.nspname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY 1, 2
""")


_WRITERS = Statement("""
    SELECT function.proname AS name
    FROM pg_proc AS function
    JOIN pg_namespace AS space ON space.oid = function.pronamespace
    JOIN pg_roles AS owner ON owner.oid = function.proowner
    WHERE space.nspname = 'ledger' AND function.proname IN (
          'append', 'append_known', 'append_limits', 'append_many', 'append_one', 'append_rows')
      AND NOT (function.prosecdef AND owner.rolname = 'testkase_ledger')
    ORDER BY 1
""")
"""Functions that write the ledger's rows as somebody whom the rules of rows may not bind."""


def check_isolation() -> Operation[None]:
    """Run as the application role. Raises IsolationInert naming the first fault found."""
    (role,) = yield _ROLE
    for attribute, words in (
        ("rolsuper", "is a superuser"),
        ("rolbypassrls", "may bypass row-level security"),
        ("rolcreaterole", "may make roles"),
    ):
        if role[attribute]:
            raise IsolationInert(f"The application's database role {role['name']} {words}: use a role that does not.")
    if role["owners_it_is"]:
        raise IsolationInert(
            f"The application's database role {role['name']} owns tables or is a member of their owner "
            f"({', '.join(role['owners_it_is'])}): use a role of its own."
        )
    if role["is_ledger"]:
        raise IsolationInert(f"The application's role {role['name']} is a member of testkase_ledger: revoke it.")
    if role["ledger_is_free"]:
        raise IsolationInert(
            "The role testkase_ledger may bypass row-level security, and with it the rules of the ledger's rows:"
            " make it NOSUPERUSER NOBYPASSRLS."
        )
    tables = [table for table in (yield _TENANT_TABLES) if table["name"] not in DIRECTORIES]
    if not tables:
        raise IsolationInert("The database has no tables yet: run the migrations first.")
    for table in tables:
        _check_table(table)
    for function in (yield _WRITERS):
        raise IsolationInert(
            f"ledger.{function['name']} does not run as testkase_ledger, whom the rules of the ledger's rows bind:"
            " make it SECURITY DEFINER and testkase_ledger its owner."
        )


def _check_table(table: Row) -> None:
    if not (table["relrowsecurity"] and table["relforcerowsecurity"] and table["is_kept"]):
        raise IsolationInert(
            f"Table {table['schema']}.{table['name']} is not under forced row-level security: migrate the database."
        )
    if table["has_hole"]:
        raise IsolationInert(
            f"A policy of table {table['schema']}.{table['name']} shows the application rows whatever the"
            " organization: drop it."
        )
    if table["is_open_ledger"]:
        raise IsolationInert(
            f"The application may write {table['schema']}.{table['name']} directly: revoke it. The journal is kept"
            " by the ledger's functions alone."
        )
    if table["takes_anything"]:
        raise IsolationInert(
            f"The rows of {table['schema']}.{table['name']} have no rules: a policy lets testkase_ledger write whatever"
            " it likes. Drop it, or give it the condition of schema/ddl/0028_rules_of_rows.sql."
        )
    if table["is_open_history"]:
        raise IsolationInert(
            "The application may change or remove rows of public.activity: revoke it. The activity history is only"
            " ever added to."
        )
