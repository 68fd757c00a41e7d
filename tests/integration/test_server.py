"""The application process, as it is told to stop while it is answering."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.cluster import TestDatabase
from tests.support.processes import serving
from tests.support.programs import MODEL, Organizations
from tests.support.upstream import Reply, scripted_upstream

ASK = {"model": MODEL, "messages": [{"role": "user", "content": "Tell me a long story."}], "stream": True}


@pytest.mark.slow
@pytest.mark.requirement("P17")
def test_a_stream_longer_than_the_server_waits_is_cut_off_and_charged(
    django_database: TestDatabase, tmp_path: Path
) -> None:
    organizations = Organizations(django_database)
    org = organizations.make()
    endless = Reply(chunks=("word ",) * 1_000, delay_chunk=0.1)
    with (
        scripted_upstream(endless) as upstream,
        serving(django_database, tmp_path, {"TESTKASE_MODEL_PORT": str(upstream.port)}) as server,
    ):
        address = f"{server.url}/openai/v1/chat/completions"
        with httpx.stream("POST", address, json=ASK, headers=org.headers, timeout=60) as answer:
            lines = answer.iter_lines()
            next(lines)
            stopping = threading.Thread(target=server.stop, args=(signal.SIGTERM,))
            stopping.start()
            said = list(lines)
            stopping.join()
    assert '"code":"cut_off"' in said[-4], said[-5:]
    (usage,) = organizations.rows(org.org_id, "SELECT measurement, charged FROM ledger.usage")
    assert usage["measurement"] == "partial"
    assert usage["charged"] > 0
    assert organizations.rows(org.org_id, "SELECT held FROM ledger.account") == [{"held": 0}]
    organizations.close()


@pytest.mark.slow
def test_a_body_larger_than_any_form_is_refused_before_it_reaches_the_disk(
    django_database: TestDatabase, tmp_path: Path
) -> None:
    """Django writes a body to disk before it asks who sent it: six hundred megabytes in three seconds, signed out."""

    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b"a" * 100_000

    form = {"Content-Type": "application/x-www-form-urlencoded"}
    with serving(django_database, tmp_path, {"TESTKASE_MODEL_PORT": "1"}) as server:
        address = f"{server.url}/accounts/login/"
        assert httpx.post(address, content=b"a" * 3_000_000, headers=form).status_code == 413
        with contextlib.suppress(httpx.WriteError):  # the server may close before everything was sent
            assert httpx.post(address, content=endless(), headers=form).status_code == 413
        assert httpx.post(address, content=b"a" * 100_000, headers=form).status_code == 403
        assert "unforeseen" not in server.output()
