"""What a process knows of the schema before it starts on it."""

from django.db.migrations.loader import MigrationLoader

from testkase.config.upgrading.schema_state import known_migrations


def test_migrations_are_known_by_their_files_as_django_knows_them_by_reading_them() -> None:
    known = known_migrations()
    assert known == set(MigrationLoader(None).disk_migrations)
    assert ("testkase_schema", "0001_ledger") in known
