"""What /metrics says of the worker, the jobs and the backups."""

from datetime import UTC, datetime
from pathlib import Path

import httpx
import psycopg

from testkase.config.backups.last import remember_backup
from testkase.config.supervising.ports import free_port
from tests.support.cluster import TestDatabase
from tests.support.processes import serving, wait_until_ready, working

_WAITING = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, status, args)
    VALUES ('ai', 'a.task', 'todo', '{}'), ('ai', 'a.task', 'todo', '{}'), ('ai', 'a.task', 'failed', '{}')
"""
_LATER = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, status, args, scheduled_at)
    VALUES ('ai', 'a.task', 'todo', '{}', now() + interval '1 hour')
"""
_AGO = "UPDATE procrastinate_events SET at = now() - interval '10 minutes'"
_WORKER = "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now()), (now() - interval '1 hour')"


def figures(url: str) -> dict[str, float]:
    lines = httpx.get(f"{url}/metrics", trust_env=False).text.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_the_worker_tells_what_it_counts_itself(database: TestDatabase, tmp_path: Path) -> None:
    port = free_port()
    with working(database, tmp_path, {"TESTKASE_WORKER_METRICS_PORT": str(port)}) as worker:
        wait_until_ready(worker, port, "/metrics")
        said = figures(f"http://127.0.0.1:{port}")
    assert said["testkase_interactions_unsettled_total"] == 0


def test_metrics_say_how_the_worker_and_the_backups_are(database: TestDatabase, tmp_path: Path) -> None:
    begun_at = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
    remember_backup(tmp_path, begun_at)
    with psycopg.connect(database.owner_url) as connection:
        for statement in (_WAITING, _AGO, _LATER, _WORKER):
            connection.execute(statement)
    with serving(database, tmp_path) as running:
        said = figures(running.url)
    assert said["testkase_database_up"] == 1
    assert (said["testkase_jobs_waiting"], said["testkase_jobs_failed"]) == (2, 1)
    assert 600 <= said["testkase_jobs_oldest_waiting_seconds"] < 700
    assert said["testkase_workers_alive"] == 1
    assert said["testkase_backup_timestamp_seconds"] == begun_at.timestamp()
    assert said["testkase_heads_published_timestamp_seconds"] == 0
