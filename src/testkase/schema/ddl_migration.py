"""Turns a DDL file into a migration operation."""

from importlib.resources import files

from django.db.migrations import RunSQL


def ddl(name: str) -> RunSQL:
    """Run `ddl/<name>.sql` as the owner. There is no way back: a mistake is mended by the next file."""
    return RunSQL(files("testkase.schema").joinpath(f"ddl/{name}.sql").read_text(encoding="utf-8"))
