"""The application process: one port for people, programs and whatever watches it."""

import contextlib
import json
import os
import resource
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from testkase.config.databases import with_database
from testkase.config.supervising.ports import free_port
from testkase.config.supervising.waiting import wait_for
from tests.support.cluster import TestDatabase
from tests.support.processes import Running, serving, start


@pytest.fixture(scope="module")
def app(module_served: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=module_served.url, trust_env=False, timeout=20) as client:
        yield client


def test_health_and_readiness_answer(app: httpx.Client) -> None:
    assert app.get("/healthz").text == "ok\n"
    assert app.get("/readyz").text == "ready\n"
    wrong = app.post("/healthz")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("charset", ["", "; charset=utf-8"])
def test_an_address_with_too_many_fields_is_no_fault_of_ours(app: httpx.Client, charset: str) -> None:
    fields = "&".join(f"a{number}=1" for number in range(1_200))
    answer = app.get(f"/accounts/login/?{fields}", headers={"Content-Type": f"text/plain{charset}"})
    assert answer.status_code == 400


def test_metrics_count_answers_by_door(app: httpx.Client) -> None:
    app.get("/accounts/login/")
    app.get("/api/v1/balance")
    text = app.get("/metrics").text
    assert 'testkase_http_requests_total{door="people",status="200"}' in text
    assert 'testkase_http_requests_total{door="programs",status="401"}' in text
    assert "process_resident_memory_bytes" in text


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/nothing", "application/problem+json"),
        ("/api/v1/balance", "application/problem+json"),
        ("/openai/v1/models", "application/json"),
        ("/apiary", "text/html"),
        ("/accounts/login/", "text/html"),
        ("/settings/ai-credits", "text/html"),
    ],
)
def test_each_address_is_answered_by_its_door(app: httpx.Client, path: str, kind: str) -> None:
    assert app.get(path, follow_redirects=True).headers["content-type"].startswith(kind)


def test_pages_carry_the_headers_that_protect_them(app: httpx.Client) -> None:
    headers = app.get("/accounts/login/").headers
    policy = headers["content-security-policy"]
    for part in ("object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "'nonce-"):
        assert part in policy
    assert "unsafe-inline" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_a_request_under_a_foreign_name_is_refused(app: httpx.Client) -> None:
    assert app.get("/accounts/login/", headers={"host": "evil.example"}).status_code == 400


_HEAD = b"POST /api/v1/holds HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        _HEAD + b"Content-Length: 2\r\nContent-Length: 5\r\n\r\n{}abc",
        _HEAD + b"Content-Length: 2, 2\r\n\r\n{}",
        _HEAD + b"Content-Length: +2\r\n\r\n{}",
        _HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        _HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        _HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
        _HEAD + b"Content-Length : 2\r\n\r\n{}",
        _HEAD + b"X: a\x00b\r\n\r\n",
        b"GET /\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00" + b"a" * 500,
    ],
)
def test_what_two_servers_could_read_differently_is_refused(module_served: Running, request_bytes: bytes) -> None:
    with socket.create_connection(("127.0.0.1", _port(module_served)), timeout=20) as line:
        line.sendall(request_bytes)
        assert line.recv(100).startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize(
    ("target", "header", "status"),
    [
        ("/healthz?" + "a" * 100_000, "", 414),
        ("/accounts/login/?" + "&".join(f"a{number}=1" for number in range(10_000)), "", 414),
        ("/healthz", "X: " + "a" * 600_000, 431),
        ("/healthz", "\r\n".join(f"X{number}: a" for number in range(5_000)), 431),
    ],
)
def test_a_head_longer_than_any_is_refused(module_served: Running, target: str, header: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", _port(module_served)), timeout=20) as line:
        with contextlib.suppress(ConnectionError):  # it may be refused before it was sent
            line.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n\r\n".encode())
        assert line.recv(100).startswith(f"HTTP/1.1 {status} ".encode())


def test_more_slow_callers_than_a_thousand_shut_nobody_out(module_served: Running, app: httpx.Client) -> None:
    """With the server's own limit, a thousand half requests kept everybody waiting, health included."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with contextlib.ExitStack() as open_lines:
        for _ in range(1_500):
            line = socket.create_connection(("127.0.0.1", _port(module_served)), timeout=20)
            open_lines.enter_context(line).sendall(b"GET /api/v1/balance HTTP/1.1\r\n")
        assert app.get("/healthz").status_code == 200
        assert app.get("/accounts/login/").status_code == 200


def _port(running: Running) -> int:
    return int(running.url.rpartition(":")[2])


def test_over_https_cookies_belong_to_this_host_alone(database: TestDatabase, tmp_path: Path) -> None:
    with serving(database, tmp_path, {"TESTKASE_PUBLIC_URL": "https://credits.example"}) as running:
        answer = httpx.get(
            f"{running.url}/accounts/login/",
            headers={"host": "credits.example", "x-forwarded-proto": "https"},
            trust_env=False,
            timeout=20,
        )
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-")
    assert "Secure" in cookie
    assert "Domain" not in cookie


def test_it_does_not_serve_where_organizations_are_not_kept_apart(database: TestDatabase, tmp_path: Path) -> None:
    with psycopg.connect(database.owner_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE ledger.entry NO FORCE ROW LEVEL SECURITY")
    running = start("serve", environ={**database.environ(), "PORT": str(free_port())}, folder=tmp_path)
    assert running.process.wait(30) == 1
    assert "ledger.entry is not under forced row-level security" in running.output()
    assert "Traceback" not in running.output()


def test_it_is_not_ready_while_its_database_is_gone(database: TestDatabase, tmp_path: Path) -> None:
    elsewhere = with_database(database.owner_url, "postgres")
    switch = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
    name = sql.Identifier(database.name)
    with serving(database, tmp_path) as running, psycopg.connect(elsewhere, autocommit=True) as server:
        server.execute(switch.format(name, sql.SQL("false")))
        server.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [database.name])
        time.sleep(1.1)  # one answer about the database serves a second
        try:
            assert httpx.get(f"{running.url}/readyz", trust_env=False).status_code == 503
            assert httpx.get(f"{running.url}/healthz", trust_env=False).status_code == 200
        finally:
            server.execute(switch.format(name, sql.SQL("true")))


def test_it_serves_where_nothing_has_run_yet_and_sigterm_ends_it_with_success(
    database: TestDatabase, tmp_path: Path
) -> None:
    data = tmp_path / "of" / "a new machine"
    with serving(database, tmp_path, {"TESTKASE_DATA": str(data)}) as running:
        assert running.stop(signal.SIGTERM) == 0
        assert (data / "calls").is_dir(), running.output()
        assert data.stat().st_mode & 0o777 == 0o700
        with pytest.raises(ProcessLookupError):
            os.kill(running.process.pid, 0)


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_process_without_the_secret_all_others_share_does_not_start(
    database: TestDatabase, tmp_path: Path, command: str
) -> None:
    """What it sealed with one of its own, second steps of sign-in among it, nobody could open after its end."""
    environ = {**database.environ(), "PORT": str(free_port()), "TESTKASE_SECRET_KEY": ""}
    running = start(command, environ=environ, folder=tmp_path)
    assert running.process.wait(30) == 1
    assert "Set TESTKASE_SECRET_KEY" in running.output()
    assert "Traceback" not in running.output()


def test_a_model_without_a_price_is_named_at_the_start(database: TestDatabase, tmp_path: Path) -> None:
    providers = tmp_path / "providers.toml"
    providers.write_text(
        '[[providers]]\nname = "local"\nbase_url = "http://127.0.0.1:1/v1"\nno_training = true\nzero_retention = true\n'
        '[[providers.models]]\nname = "of-nobodys-price"\ncontext_window = 8192\nmax_output_tokens = 1024\n'
    )
    with serving(database, tmp_path, {"TESTKASE_PROVIDERS": str(providers)}) as running:
        said = [line for line in running.output().splitlines() if "models without a price are not called" in line]
    assert len(said) == 1
    assert json.loads(said[0])["models"] == ["of-nobodys-price"]


def test_it_listens_at_a_name_of_this_machine(database: TestDatabase, tmp_path: Path) -> None:
    port = free_port()
    running = start("serve", environ={**database.environ(), "HOST": "localhost", "PORT": str(port)}, folder=tmp_path)
    ready = wait_for("localhost", port, "/readyz", alive=lambda: running.process.poll() is None, timeout_seconds=60)
    assert ready, running.output()
    assert running.stop() == 0
