"""Turns a DDL file into a migration operation."""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, NamedTuple, Protocol

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import RunPython, RunSQL
from django.db.migrations.state import StateApps

_STEP = re.compile(r"^-- step: (?P<name>.+)\n(?:-- unless: (?P<unless>.+)\n)?", re.MULTILINE)


class Cursor(Protocol):
    """Django's and the driver's alike."""

    def execute(self, sql: Any, /) -> Any: ...

    def fetchone(self) -> Any: ...


class Step(NamedTuple):
    """A part of a DDL file that is a transaction of its own. `unless`: a condition under which it is left out."""

    name: str
    unless: str | None
    sql: str


def ddl(name: str) -> RunSQL:
    """Run `ddl/<name>.sql` as the owner. There is no way back: a mistake is mended by the next file."""
    return RunSQL(ddl_text(name))


def ddl_steps(name: str) -> RunPython:
    """Run `ddl/<name>.sql` step by step, while the application goes on.

    Needs a migration that is not atomic. Whoever is killed, or gives way to somebody who holds a table, is followed by
    one who begins at the first step again: those that are done must leave themselves out, or do no harm.
    """

    def forward(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        with editor.connection.cursor() as cursor:
            for step in steps_of(ddl_text(name)):
                run_step(cursor, step)

    return RunPython(forward)


def steps_of(text: str) -> Iterator[Step]:
    """The steps of a DDL file, in order. What stands before the first is words about the file."""
    found = list(_STEP.finditer(text))
    for number, begin in enumerate(found):
        end = found[number + 1].start() if number + 1 < len(found) else len(text)
        yield Step(begin["name"], begin["unless"], text[begin.end() : end].strip())


def run_step(cursor: Cursor, step: Step) -> None:
    """On a connection that commits each statement. CONCURRENTLY waits as long as it takes: nobody waits for it."""
    if step.unless is not None:
        cursor.execute(f"SELECT {step.unless}")
        if cursor.fetchone() == (True,):
            return
    if "CONCURRENTLY" not in step.sql:
        cursor.execute(step.sql)
        return
    cursor.execute("SHOW lock_timeout")
    (limit,) = cursor.fetchone()
    cursor.execute("SET lock_timeout = 0")
    cursor.execute(step.sql)
    cursor.execute(f"SET lock_timeout = '{limit}'")


def ddl_text(name: str) -> str:
    """The text of `ddl/<name>.sql`."""
    return files("testkase.schema").joinpath(f"ddl/{name}.sql").read_text(encoding="utf-8")
