"""The application process, as it is told to stop while it is answering."""

import signal
import threading
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
