"""Tenant tables have the shape in which they can be spread over many servers: org_id leads whatever finds a row."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import psycopg
import pytest

from testkase.schema.directories import DIRECTORIES
from tests.support.cluster import TestDatabase

Catalogue = psycopg.Connection[tuple[Any, ...]]

TENANT_TABLES = """
    SELECT relation.oid, space.nspname || '.' || relation.relname AS name, relation.relname
    FROM pg_class AS relation
    JOIN pg_namespace AS space ON space.oid = relation.relnamespace
    JOIN pg_attribute AS org ON org.attrelid = relation.oid AND org.attname = 'org_id' AND NOT org.attisdropped
    WHERE relation.relkind IN ('r', 'p') AND space.nspname NOT IN ('pg_catalog', 'information_schema')
"""
FIRST_COLUMN = """
    SELECT index.indexrelid::regclass::text AS name, attribute.attname
    FROM pg_index AS index
    LEFT JOIN pg_attribute AS attribute ON attribute.attrelid = index.indrelid AND attribute.attnum = index.indkey[0]
    WHERE index.indrelid = %s
"""
KNOWN_INDEXES = {
    "ledger.account_due_at",  # the sweeper asks every organization what is due; on shards each answers for its own
    "ledger.account_last_at",  # the watch asks which balances have changed; on shards each answers for its own
}


@pytest.fixture(scope="module")
def catalogue(module_database: TestDatabase) -> Iterator[Catalogue]:
    with psycopg.connect(module_database.owner_url, autocommit=True) as connection:
        yield connection


def tenant_tables(catalogue: Catalogue) -> list[tuple[str, str]]:
    rows = catalogue.execute(TENANT_TABLES).fetchall()
    return [(oid, name) for oid, name, bare in rows if bare not in DIRECTORIES]


def test_there_are_tenant_tables(catalogue: Catalogue) -> None:
    names = {name for _, name in tenant_tables(catalogue)}
    assert {"ledger.account", "ledger.entry", "public.project", "public.test_case"} <= names


def test_org_id_leads_every_key_and_index(catalogue: Catalogue) -> None:
    others = [
        index
        for oid, _ in tenant_tables(catalogue)
        for index, column in catalogue.execute(FIRST_COLUMN, [oid]).fetchall()
        if column != "org_id" and index not in KNOWN_INDEXES
    ]
    assert others == []


def test_every_tenant_table_has_a_key(catalogue: Catalogue) -> None:
    """Or each of its months has: the key of a table of months would have to name the instant."""
    for oid, name in tenant_tables(catalogue):
        months = catalogue.execute("SELECT inhrelid FROM pg_inherits WHERE inhparent = %s", [oid]).fetchall()
        for (table,) in months or [(oid,)]:
            keys = catalogue.execute("SELECT FROM pg_index WHERE indrelid = %s AND indisprimary", [table]).fetchall()
            assert keys, f"{name} has no primary key"


def test_foreign_keys_between_tenant_tables_carry_org_id(catalogue: Catalogue) -> None:
    tables = dict(tenant_tables(catalogue))
    rows = catalogue.execute(
        "SELECT conname, conrelid::oid, confrelid::oid, attname FROM pg_constraint "
        "JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1] WHERE contype = 'f'"
    ).fetchall()
    others = [name for name, table, target, first in rows if table in tables and target in tables and first != "org_id"]
    assert others == []


def test_no_trigger_is_needed_for_correctness(catalogue: Catalogue) -> None:
    rows = catalogue.execute("SELECT tgrelid::oid, tgname FROM pg_trigger WHERE NOT tgisinternal").fetchall()
    tables = dict(tenant_tables(catalogue))
    assert [name for table, name in rows if table in tables] == []


def test_the_application_cannot_change_the_ledger_directly(catalogue: Catalogue) -> None:
    rows = catalogue.execute(
        "SELECT table_name, privilege_type FROM information_schema.role_table_grants "
        "WHERE grantee = 'testkase_app' AND table_schema = 'ledger' AND privilege_type <> 'SELECT'"
    ).fetchall()
    assert rows == []


def test_partitions_are_reached_through_their_table_alone(catalogue: Catalogue) -> None:
    rows = catalogue.execute(
        "SELECT oid::regclass::text, relrowsecurity AND relforcerowsecurity, coalesce(relacl::text, ''),"
        " EXISTS (SELECT FROM pg_policy WHERE polrelid = pg_class.oid) FROM pg_class"
        " WHERE relispartition AND relkind = 'r'"
    ).fetchall()
    assert len(rows) >= 4, "months and the rest"
    for name, forced, privileges, has_policy in rows:
        assert forced, name
        assert "testkase_app" not in privileges, name
        assert "testkase_ledger" not in privileges, name
        assert not has_policy, name


def test_every_ddl_file_has_its_migration() -> None:
    schema = files("testkase.schema")
    ddl = {entry.name.removesuffix(".sql") for entry in schema.joinpath("ddl").iterdir() if entry.name.endswith(".sql")}
    steps = {
        entry.name.removesuffix(".py")
        for entry in schema.joinpath("migrations").iterdir()
        if entry.name.endswith(".py") and entry.name != "__init__.py"
    }
    assert ddl == steps
