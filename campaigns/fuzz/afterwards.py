"""What bent requests have left for the worker: files to import, questions, reports of payments. It must get through
all of them, and none may be a surprise to it."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg

from testkase.services.billing.provider import Provider
from tests.support.cluster import TestDatabase
from tests.support.processes import working

PATIENCE_SECONDS = 120
"""So long none of what waits is done, then the worker is stuck."""
AGAIN_SECONDS = 60
"""So long a report may stay: the worker may be at it, or be about to try it once more."""
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
_STAYING = """
    SELECT name, order_id, payment_id, dispute_id, attempts FROM payment_event
    WHERE handled_at IS NULL AND attempts > 0 AND (dispute_id IS NULL OR dispute_id = ANY (%s)) ORDER BY received_at
"""


def worked_off(database: TestDatabase, folder: Path, environ: Mapping[str, str], provider: Provider) -> Iterator[str]:
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
        yield from tried_in_vain(connection, provider)
    errors = [json.loads(line) for line in worker.output().splitlines() if line.startswith("{")]
    for error in errors[:5]:
        yield f"the worker says {error['event']!r}: {error.get('exception', '')[-400:]}"


def tried_in_vain(
    connection: psycopg.Connection[Any], provider: Provider, *, patience_seconds: float = AGAIN_SECONDS
) -> Iterator[str]:
    """Reports that stay, but for those of a dispute the provider does not know, which were made up here: what is signed
    with its secret is believed, so the worker asks for that dispute, is refused, and asks again later."""
    known = [dispute.dispute_id for dispute in provider.disputes()]
    deadline = time.monotonic() + patience_seconds
    while (staying := connection.execute(_STAYING, [known]).fetchall()) and time.monotonic() < deadline:
        time.sleep(0.5)
    for name, order, payment, dispute, attempts in staying[:5]:
        yield f"a report {name!r} of {order}, {payment}, {dispute} stays after {attempts} attempts"


def done(database: TestDatabase) -> dict[str, int]:
    """How much the worker has had to do."""
    with psycopg.connect(database.owner_url) as connection:
        jobs, reports = connection.execute(_DONE).fetchone() or (0, 0)
    return {"jobs": jobs, "reports": reports}
