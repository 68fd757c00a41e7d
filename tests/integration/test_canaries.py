"""Secrets and prompts planted in every request that can carry one appear in nothing the application writes down."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.support.cluster import TestDatabase
from tests.support.processes import Running, serving
from tests.support.programs import Organization, Organizations
from tests.support.upstream import Reply, Upstream, scripted_upstream

CANARY = "CANARY7f3a91"
CALL = {"model": "testkase-demo", "max_tokens": 20, "messages": [{"role": "user", "content": CANARY}]}
FAILURE = {"error": {"message": f"cannot answer {CANARY}", "type": "server_error", "code": CANARY}}


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with scripted_upstream() as running:
        yield running


@pytest.fixture
def running(database: TestDatabase, upstream: Upstream, tmp_path: Path) -> Iterator[Running]:
    environ = {
        "TESTKASE_MODEL_PORT": str(upstream.port),
        "TESTKASE_MODEL_API_KEY": f"key-{CANARY}",
        "TESTKASE_SECRET_KEY": f"{CANARY} of the sessions, long enough to be one",
        "LOG_LEVEL": "DEBUG",
    }
    with serving(database, tmp_path, environ) as served:
        yield served


@pytest.fixture
def organization(database: TestDatabase) -> Iterator[Organization]:
    organizations = Organizations(database)
    yield organizations.make()
    organizations.close()


def plant(client: httpx.Client, organization: Organization, upstream: Upstream) -> list[int]:
    """Every request of a kind that has leaked somewhere; the statuses answered."""
    upstream.script(
        Reply(chunks=(CANARY,)),
        Reply(status=500, error=FAILURE),
        Reply(status=400, error=FAILURE),
        Reply(raw_body=CANARY.encode()),
        Reply(chunks=(CANARY, CANARY), cut_after=1, cut="broken"),
    )
    statuses = []
    for stream in (False, False, False, False, True):
        call = {**CALL, "stream": stream}
        statuses.append(client.post("/openai/v1/chat/completions", json=call, headers=organization.headers).status_code)
    for headers, content in (
        ({"Authorization": f"Bearer tk_live_{CANARY}"}, b"{}"),
        ({**organization.headers, "Content-Type": "application/json"}, f'{{"messages": "{CANARY}'.encode()),
        ({**organization.headers, "Content-Type": "application/json"}, f'{{"model": ["{CANARY}"]}}'.encode()),
        ({**organization.headers, "Content-Type": f"text/{CANARY}"}, CANARY.encode()),
        ({**organization.headers, "Cookie": f"session={CANARY}"}, b"\xff\xfe"),
    ):
        statuses.append(client.post("/openai/v1/chat/completions", content=content, headers=headers).status_code)
    client.get("/accounts/login/")
    form = {"login": "nobody@example.com", "password": CANARY, "csrfmiddlewaretoken": CANARY}
    statuses.append(client.post("/accounts/login/", data=form).status_code)
    return statuses


@pytest.mark.requirement("P16", "R73")
def test_no_canary_is_written_down(
    running: Running, organization: Organization, upstream: Upstream, database: TestDatabase, tmp_path: Path
) -> None:
    with httpx.Client(base_url=running.url, trust_env=False, timeout=30) as client:
        statuses = plant(client, organization, upstream)
    assert statuses[0] == 200
    assert all(status < 600 for status in statuses)
    running.stop()

    written = [path for path in tmp_path.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]
    assert [path.name for path in written] == []
    with psycopg.connect(database.owner_url) as connection:
        for table in ("ledger.account", "ledger.lot", "ledger.open_hold", "ledger.entry", "ledger.usage", "activity"):
            rows = connection.execute(f"SELECT t::text FROM {table} AS t").fetchall()
            assert CANARY not in str(rows), table
