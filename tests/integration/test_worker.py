"""The worker process: schedules do what time has made due, and the jobs of a killed worker are begun again."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_network
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from standardwebhooks import Webhook

from testkase.config.databases import with_database
from testkase.core.ledger.commands import OpenAccount, OpenHold, RecordUsage
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute_one
from testkase.foundation.database import SyncDatabase, run
from testkase.foundation.sealing import Seal
from testkase.services.audit import OPERATOR
from testkase.services.notifications import Notification, notify
from testkase.services.notifications.webhooks.endpoints import add_endpoint, endpoint
from testkase.services.notifications.webhooks.events import EVENTS
from testkase.services.notifications.webhooks.secrets import PURPOSE
from tests.support import waiting
from tests.support.cluster import TestDatabase
from tests.support.processes import SECRET_KEY, start, working
from tests.support.team import Team

CREDIT = 1_000_000


def defer(task: str) -> int:
    """Ask for a job as the pages do: by name, in the open transaction."""
    from procrastinate.contrib.django import app

    return app.configure_task(task, queue="schedule").defer(timestamp=0)


def one(database: TestDatabase, query: str, *values: object) -> object:
    with psycopg.connect(database.owner_url) as connection:
        row = connection.execute(query, values).fetchone()
    return None if row is None else row[0]


eventually = partial(waiting.eventually, seconds=120)


@contextmanager
def away(database: TestDatabase) -> Iterator[None]:
    """Every connection is ended, and no other is taken."""
    with psycopg.connect(with_database(database.owner_url, "postgres"), autocommit=True) as connection:
        taking = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
        connection.execute(taking.format(sql.Identifier(database.name), sql.SQL("false")))
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database.name])
        try:
            yield
        finally:
            connection.execute(taking.format(sql.Identifier(database.name), sql.SQL("true")))


@pytest.mark.requirement("B1", "R8")
def test_a_hold_nobody_resolved_lapses_without_anybody_touching_the_organization(
    django_database: TestDatabase, tmp_path: Path
) -> None:
    with psycopg.connect(django_database.app_url) as connection:
        run(connection, execute_one(OpenAccount(org_id=1, monthly_allowance=300 * CREDIT, ai_enabled=True)))
        subject = Subject(use_case="chat", user="mira@example.com")
        run(connection, execute_one(OpenHold(org_id=1, hold_id="h", amount=CREDIT, ttl_seconds=1, subject=subject)))
    time.sleep(1.1)
    defer("ledger.sweep")
    with working(django_database, tmp_path):
        assert eventually(lambda: one(django_database, "SELECT held FROM ledger.account") == 0)
        assert eventually(lambda: one(django_database, "SELECT seq FROM alert_watch") == 4)  # the lapse was watched too
    assert one(django_database, "SELECT count(*) FROM ledger.entry WHERE kind = 'lapse'") == 1
    assert one(django_database, "SELECT available FROM ledger.account") == 300 * CREDIT


def test_the_jobs_of_a_killed_worker_are_begun_again(django_database: TestDatabase, tmp_path: Path) -> None:
    job = defer("ledger.sweep")
    with psycopg.connect(django_database.owner_url) as connection:
        connection.execute(
            "WITH dead AS (INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '10 minutes') "
            "RETURNING id) UPDATE procrastinate_jobs SET status = 'doing', worker_id = dead.id FROM dead WHERE "
            "procrastinate_jobs.id = %s",
            [job],
        )
    defer("jobs.retry_stalled")
    status = "SELECT status::text FROM procrastinate_jobs WHERE id = %s"
    with working(django_database, tmp_path) as worker:
        assert eventually(lambda: one(django_database, status, job) == "succeeded"), worker.output()


def test_the_next_months_are_made_before_they_are_needed(django_database: TestDatabase, tmp_path: Path) -> None:
    newest = "SELECT max(oid::regclass::text) FROM pg_class WHERE relkind = 'r' AND relname ~ '^usage_[0-9_]+$'"
    name = one(django_database, newest)
    with psycopg.connect(django_database.owner_url) as owner:
        owner.execute(f"DROP TABLE {name}".encode())
    defer("ledger.months")
    with working(django_database, tmp_path) as worker:
        assert eventually(lambda: one(django_database, newest) == name), worker.output()


@pytest.mark.requirement("I11")
def test_days_that_are_over_are_summed_up(django_database: TestDatabase, tmp_path: Path) -> None:
    """Of every organization but the one whose sums somebody broke, and all of a history that is longer than one
    transaction sums up."""
    began, days = 1_767_225_600 * CREDIT, (0, 40, 99, 120)
    with psycopg.connect(django_database.app_url) as connection:
        for org_id in (1, 2, 3):
            account = OpenAccount(org_id=org_id, monthly_allowance=300 * CREDIT, ai_enabled=True)
            run(connection, execute_one(account, clock=began))
            for day in days:
                subject = Subject(use_case="chat", user="mira@example.com")
                used = RecordUsage(org_id=org_id, usage_id=f"d{day}", credits=CREDIT, subject=subject)
                run(connection, execute_one(used, clock=began + day * 86_400 * CREDIT))
    with psycopg.connect(django_database.owner_url) as owner:
        owner.execute("INSERT INTO ledger.usage_part_day SELECT 1, 'all', '', '2026-01-01', 1, 0, 0, 0")
    defer("ledger.days")
    closed = "SELECT count(*) FROM ledger.usage_closed WHERE before = '2026-01-01'::date + 119"
    with working(django_database, tmp_path) as worker:
        assert eventually(lambda: one(django_database, closed) == 2), worker.output()
    assert one(django_database, "SELECT sum(charged) FROM ledger.usage_part_day WHERE by = 'all'") == 6 * CREDIT
    failed = "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'ledger.days' AND status = 'failed'"
    assert one(django_database, failed) == 0


class Told(BaseHTTPRequestHandler):
    """An organization's own program."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        Webhook(self.server.secret).verify(body, dict(self.headers))  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_a_worker_tells_endpoints_and_stops_in_order_at_sigterm(django_database: TestDatabase, tmp_path: Path) -> None:
    team, seal, here = (
        Team(SyncDatabase(django_database.app_url), 1),
        Seal([SECRET_KEY], purpose=PURPOSE),
        "127.0.0.0/8",
    )
    with HTTPServer(("127.0.0.1", 0), Told) as program:
        made, program.secret = team.run(  # type: ignore[attr-defined]
            add_endpoint(
                team.org_id, OPERATOR, url=f"http://127.0.0.1:{program.server_port}/", kinds=EVENTS,
                seal=seal, networks=[ip_network(here)],
            )
        )  # fmt: skip
        team.run(notify(team.org_id, Notification(kind="credits.low", event_key="k", title="Credits are low")))
        threading.Thread(target=program.handle_request, daemon=True).start()
        with working(django_database, tmp_path, {"TESTKASE_WEBHOOK_NETWORKS": here}) as worker:
            assert eventually(lambda: bool(one(django_database, "SELECT count(*) FROM procrastinate_workers")))
            taken = eventually(lambda: team.run(endpoint(team.org_id, made.endpoint_id)).last_delivered_at is not None)
            assert (worker.stop(), taken) == (0, True), worker.output()
    assert one(django_database, "SELECT count(*) FROM procrastinate_workers") == 0


def test_a_worker_that_loses_its_database_ends_as_one_that_failed(
    django_database: TestDatabase, tmp_path: Path
) -> None:
    with working(django_database, tmp_path) as worker:
        listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND query LIKE 'LISTEN %%procrastinate%%'"
        assert eventually(lambda: bool(one(django_database, listening, django_database.name)))
        with away(django_database):
            assert worker.process.wait(180) == 1  # what is under way waits half a minute for a connection, and again
        assert "testkase: The worker ended by itself" in worker.output()


def test_a_port_that_is_taken_is_named(django_database: TestDatabase, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        with working(django_database, tmp_path, {"TESTKASE_WORKER_METRICS_PORT": port}) as worker:
            assert worker.process.wait(60) == 1
            assert f"TESTKASE_WORKER_METRICS_PORT={port} cannot be used on 127.0.0.1: Address" in worker.output()
        serve = start("serve", environ={**django_database.environ(), "PORT": port}, folder=tmp_path)
        assert serve.process.wait(60) == 1
        assert f"Port {port} on 127.0.0.1 is in use" in serve.output()
        assert "Traceback" not in worker.output() + serve.output()
