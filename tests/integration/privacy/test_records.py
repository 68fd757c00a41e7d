"""Every stored field has a meaning, every table of an organization is either a record or declared content (P16)."""

import psycopg
import pytest

from testkase.foundation.database import SyncDatabase
from testkase.schema.directories import DIRECTORIES
from testkase.services.privacy.records import GROUPS, stored_fields
from testkase.services.privacy.registry import CONTENT, content_tables
from tests.support.cluster import TestDatabase

KNOWN = {"project", "project_member"}
"""Names and places of people, neither figures nor content."""
_TENANT_TABLES = """
SELECT c.oid::regclass::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'org_id'
JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND n.nspname IN ('public', 'ledger')
"""


@pytest.mark.requirement("P16")
def test_every_field_of_metering_audit_and_billing_has_a_meaning(module_database: TestDatabase) -> None:
    reading = SyncDatabase(module_database.app_url)
    groups = reading.run(stored_fields())
    reading.close()
    fields = [field for group in groups for field in group.fields]
    silent = [f"{field.table}.{field.name}" for field in fields if not field.meaning]
    assert silent == [], "Say in the migration what these mean: COMMENT ON COLUMN … IS …"
    assert {field.table for field in fields} == {table for tables in GROUPS.values() for table in tables}
    assert len(fields) > 200


@pytest.mark.requirement("P16")
def test_every_table_of_an_organization_is_a_record_or_declared_content(module_database: TestDatabase) -> None:
    with psycopg.connect(module_database.owner_url) as owner:
        tables = {name for (name,) in owner.execute(_TENANT_TABLES).fetchall()}
    records = {table for tables in GROUPS.values() for table in tables}
    missing = tables - records - set(content_tables()) - KNOWN - DIRECTORIES
    assert missing == set(), (
        "Declare what a feature keeps as Content (testkase.services.privacy.registry), or a table of figures in"
        " testkase.services.privacy.records with the meaning of its fields"
    )


def test_what_is_declared_can_be_carried_out(module_database: TestDatabase) -> None:
    """Each condition is valid SQL over the table as it is now."""
    with psycopg.connect(module_database.owner_url) as owner:
        for content in CONTENT:
            for table in content.tables:
                for condition in (table.expired, table.item, table.project, table.person, table.all):
                    if condition is not None:
                        sql = f"SELECT {', '.join(('org_id', *table.key))} FROM {table.name} AS c WHERE {condition}"
                        owner.execute(sql, {"before": "2026-01-01", "target": "1"})
