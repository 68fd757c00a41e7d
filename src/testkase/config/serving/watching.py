"""What operators watch of the worker and of backups, for Prometheus. Read where it stands, so that one process answers
for all: jobs and workers in the database, the last backup in the data folder."""

from pathlib import Path

from prometheus_client import Gauge

from testkase.config.backups.last import last_backup
from testkase.foundation.database import Operation, Statement

WAITING = Gauge("testkase_jobs_waiting", "Jobs that are due and that no worker has begun.")
OLDEST = Gauge("testkase_jobs_oldest_waiting_seconds", "How long the job that waits longest has been due.")
FAILED = Gauge("testkase_jobs_failed", "Jobs of the last week that were given up.")
WORKERS = Gauge("testkase_workers_alive", "Worker processes that gave a sign of life within the last 30 seconds.")
PUBLISHED_AT = Gauge(
    "testkase_heads_published_timestamp_seconds", "When the ends of the journals were last published; 0: never."
)
SAVED_AT = Gauge(
    "testkase_backup_timestamp_seconds", "When the last backup of this data folder was begun; 0: never, or elsewhere."
)

_STANDING = """
    SELECT count(*) FILTER (WHERE due_at IS NOT NULL) AS waiting,
           coalesce(extract(epoch FROM now() - min(due_at)), 0)::float8 AS oldest_seconds,
           count(*) FILTER (WHERE status = 'failed') AS failed,
           (SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '30 seconds') AS workers,
           coalesce((SELECT extract(epoch FROM max(published_at)) FROM published_heads), 0)::float8 AS published_at
    FROM (
        SELECT status, CASE WHEN status = 'todo' AND coalesce(scheduled_at, '-infinity') <= now()
                            THEN greatest(scheduled_at, (SELECT max(event.at) FROM procrastinate_events AS event
                                                         WHERE event.job_id = job.id)) END AS due_at
        FROM procrastinate_jobs AS job WHERE status IN ('todo', 'failed')
    ) AS unfinished
"""


def look(data: Path) -> Operation[None]:
    """Bring the gauges up to date. Needs no organization's context."""
    (row,) = yield Statement(_STANDING)
    WAITING.set(row["waiting"])
    OLDEST.set(max(0.0, row["oldest_seconds"]))
    FAILED.set(row["failed"])
    WORKERS.set(row["workers"])
    PUBLISHED_AT.set(row["published_at"])
    SAVED_AT.set(_saved_at(data))


def _saved_at(data: Path) -> float:
    last = last_backup(data)
    return last.begun_at.timestamp() if last is not None else 0.0
