"""What bent requests have left for the worker: files to import, questions, reports of payments. It must get through
all of them, and none may be a surprise to it."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg

from tests.support.cluster import TestDatabase
from tests.support.processes import working

PATIENCE_SECONDS = 120
"""So long none of what waits is done, then the worker is stuck."""
_WAITING = """
    SELECT (SELECT count(*) FROM procrastinate_jobs
            WHERE queue_name <> 'schedule' AND status IN ('todo', 'doing') AND coalesce(scheduled_at, now()) <= now())
         + (SELECT count(*) FROM payment_event WHERE handled_at IS NULL AND due_at <= now())
"""
_DONE = """
    SELECT (SELECT count(*) FROM procrastinate_jobs WHERE queue_name <> 'schedule' AND status = 'succeeded'),
           (SELECT count(*) FROM payment_event WHERE handled_at IS NOT NULL)
"""
_FAILED = "SELECT task_name, count(*) FROM procrastinate_jobs WHERE status = 'failed' GROUP BY task_name"
_TRIED = "SELECT name, outcome, attempts FROM payment_event WHERE handled_at IS NULL AND attempts > 1 LIMIT 5"


def worked_off(database: TestDatabase, folder: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """What was wrong with it, as sentences."""
    with (
        psycopg.connect(database.owner_url, autocommit=True) as connection,
        working(database, folder, environ) as worker,
    ):
        waiting, deadline = (1,), time.monotonic() + PATIENCE_SECONDS
        while waiting != (0,) and time.monotonic() < deadline and worker.process.poll() is None:
            time.sleep(0.5)
            before, waiting = waiting, connection.execute(_WAITING).fetchone() or (0,)
            if waiting < before:
                deadline = time.monotonic() + PATIENCE_SECONDS
        if waiting != (0,):
            yield f"{waiting[0]} things still wait for the worker"
        for task, count in connection.execute(_FAILED).fetchall():
            yield f"{count} jobs {task} failed"
        for name, outcome, attempts in connection.execute(_TRIED).fetchall():
            yield f"a report {name!r} was tried {attempts} times: {outcome!r}"
    errors = [json.loads(line) for line in worker.output().splitlines() if line.startswith("{")]
    for error in errors[:5]:
        yield f"the worker says {error['event']!r}: {error.get('exception', '')[-400:]}"


def done(database: TestDatabase) -> dict[str, int]:
    """How much the worker has had to do."""
    with psycopg.connect(database.owner_url) as connection:
        jobs, reports = connection.execute(_DONE).fetchone() or (0, 0)
    return {"jobs": jobs, "reports": reports}
