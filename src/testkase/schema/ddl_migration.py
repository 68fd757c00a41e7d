"""Turns a DDL file into a migration operation."""

import re
import time
from collections.abc import Iterator
from importlib.resources import files
from typing import NamedTuple

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations import RunPython, RunSQL
from django.db.migrations.state import StateApps
from django.db.utils import OperationalError
from psycopg.errors import DeadlockDetected, LockNotAvailable

LOCK_TIMEOUT_SECONDS = 2
"""Who waits for a table's lock has everybody queue behind: it gives up soon, and tries again after a pause."""
TRIES = 60

_STEP = re.compile(r"^-- step: (?P<name>.+)\n(?:-- unless: (?P<unless>.+)\n)?", re.MULTILINE)


class Step(NamedTuple):
    """A part of a DDL file that is a transaction of its own. `unless`: a condition under which it is left out."""

    name: str
    unless: str | None
    sql: str


def ddl(name: str) -> RunSQL:
    """Run `ddl/<name>.sql` as the owner. There is no way back: a mistake is mended by the next file."""
    return RunSQL(_text(name))


def ddl_steps(name: str) -> RunPython:
    """Run `ddl/<name>.sql` step by step, while the application goes on.

    Needs a migration that is not atomic. Steps are written so that whoever is killed anywhere begins again at the first.
    A step with CONCURRENTLY waits as long as it takes, since nobody waits for it.
    """

    def run(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        with editor.connection.cursor() as cursor:
            for step in steps_of(_text(name)):
                if step.unless is not None:
                    cursor.execute(f"SELECT {step.unless}")
                    if cursor.fetchone()[0]:
                        continue
                patient = "CONCURRENTLY" in step.sql
                cursor.execute(f"SET lock_timeout = '{0 if patient else LOCK_TIMEOUT_SECONDS}s'")
                _run(cursor, step.sql)
            cursor.execute("RESET lock_timeout")

    return RunPython(run, elidable=False)


def steps_of(text: str) -> Iterator[Step]:
    """The steps of a DDL file, in order. What stands before the first is words about the file."""
    found = list(_STEP.finditer(text))
    for number, begin in enumerate(found):
        end = found[number + 1].start() if number + 1 < len(found) else len(text)
        yield Step(begin["name"], begin["unless"], text[begin.end() : end].strip())


def _run(cursor, sql: str) -> None:  # type: ignore[no-untyped-def]
    for attempt in range(1, TRIES + 1):
        try:
            cursor.execute(sql)
            return
        except OperationalError as fault:
            if attempt == TRIES or not isinstance(fault.__cause__, LockNotAvailable | DeadlockDetected):
                raise
            time.sleep(min(0.1 * attempt, 2.0))


def _text(name: str) -> str:
    return files("testkase.schema").joinpath(f"ddl/{name}.sql").read_text(encoding="utf-8")
