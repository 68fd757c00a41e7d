"""Many callers at once, over HTTP, through the real server."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from testkase.entrypoints.api.app import create_app
from tests.support.cluster import TestDatabase
from tests.support.programs import MODEL, Organization, Organizations, api_settings, served
from tests.support.upstream import Reply, Upstream

BODY = {"use_case": "chat", "user": "ada@example.com"}


def connected(base_url: str, org: Organization) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=64)
    return httpx.AsyncClient(base_url=base_url, headers=org.headers, limits=limits, timeout=60)


@pytest.mark.requirement("B2", "I10")
async def test_64_callers_on_the_last_credit_get_exactly_what_is_there(
    base_url: str, organizations: Organizations
) -> None:
    """BerriAI/litellm#34732, #26672 (99 spent against a cap of 30), wasp-lang/open-saas#727: check-then-charge."""
    org = organizations.make("10.5")
    async with connected(f"{base_url}/api/v1", org) as api:
        await asyncio.gather(*(api.get("/bundles") for _ in range(64)))
        answers = await asyncio.gather(
            *(api.post("/holds", json=BODY | {"id": f"call-{number}", "credits": "0.5"}) for number in range(64))
        )
        statuses = [answer.status_code for answer in answers]
        assert (statuses.count(201), statuses.count(402)) == (21, 43)
        settled = await asyncio.gather(
            *(
                api.post(f"/holds/call-{number}/settlement", json={"credits": "0.5"})
                for number, status in enumerate(statuses)
                if status == 201
            )
        )
        assert all(answer.status_code == 200 for answer in settled)
        balance = (await api.get("/balance")).json()
    assert (balance["available"], balance["held"], balance["this_month"]) == ("0.00", "0.00", "10.50")


@pytest.mark.requirement("I5")
async def test_the_same_id_fifty_times_at_once_is_one_effect_and_one_answer(base_url: str, org: Organization) -> None:
    """formancehq/ledger#921, idempot-dev/idempot-js#186: a lost race answered 500 or 503."""
    async with connected(f"{base_url}/api/v1", org) as api:
        holds = await asyncio.gather(
            *(api.post("/holds", json=BODY | {"id": "one", "credits": "7"}) for _ in range(50))
        )
        assert {(answer.status_code, answer.content) for answer in holds} == {(201, holds[0].content)}
        assert sum("idempotent-replayed" not in answer.headers for answer in holds) == 1
        settled = await asyncio.gather(*(api.post("/holds/one/settlement", json={"credits": "2"}) for _ in range(50)))
        assert {(answer.status_code, answer.content) for answer in settled} == {(200, settled[0].content)}
        balance = (await api.get("/balance")).json()
    assert (balance["available"], balance["this_month"]) == ("298.00", "2.00")


@pytest.mark.requirement("I7")
async def test_settlement_and_release_at_once_resolve_a_hold_once(base_url: str, org: Organization) -> None:
    """elizaOS/eliza#11493, 2witstudios/PageSpace#1593: stranded or double-released holds."""
    async with connected(f"{base_url}/api/v1", org) as api:
        for number in range(10):
            await api.post("/holds", json=BODY | {"id": f"h{number}", "credits": "5"})
            answers = await asyncio.gather(
                api.post(f"/holds/h{number}/settlement", json={"credits": "5"}), api.delete(f"/holds/h{number}")
            )
            assert sorted(answer.status_code for answer in answers) == [200, 409]
        items = (await api.get("/usage")).json()["items"]
        balance = (await api.get("/balance")).json()
    assert balance["held"] == "0.00"
    assert float(balance["available"]) == 300 - 5 * len(items)


@pytest.fixture
def impatient_url(impatient: None, module_database: TestDatabase, upstream: Upstream) -> Iterator[str]:
    """Another application on the same database."""
    with served(create_app(api_settings(module_database, model_port=upstream.port))) as url:
        yield url


async def test_success_is_never_answered_while_the_store_cannot_be_written(
    impatient_url: str, org: Organization, module_database: TestDatabase
) -> None:
    """useautumn/autumn#1365: success was answered while the store was down. Here: 503, and the same id settles it."""
    body = BODY | {"id": "call-1", "credits": "5"}
    async with connected(f"{impatient_url}/api/v1", org) as api:
        with psycopg.connect(module_database.owner_url) as blocker:
            blocker.execute("SELECT 1 FROM ledger.account WHERE org_id = %s FOR UPDATE", (org.org_id,))
            refused = await api.post("/holds", json=body)
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert refused.headers["retry-after"] == "1"
        assert (await api.post("/holds", json=body)).status_code == 201
        assert (await api.get("/balance")).json()["held"] == "5.00"


@pytest.mark.requirement("B2", "B14")
async def test_the_gateway_admits_only_what_the_balance_covers(
    base_url: str, organizations: Organizations, upstream: Upstream
) -> None:
    """QuantumNous/new-api#6609: concurrent calls overspend."""
    org = organizations.make("10")
    upstream.script(*(Reply(delay_first=0.5) for _ in range(30)))
    asked = len(upstream.requests)
    body: dict[str, Any] = {"model": MODEL, "max_tokens": 1000, "messages": [{"role": "user", "content": "hi"}]}
    async with connected(base_url, org) as client:
        answers = await asyncio.gather(*(client.post("/openai/v1/chat/completions", json=body) for _ in range(30)))
        statuses = [answer.status_code for answer in answers]
        assert set(statuses) == {200, 402}
        admitted = statuses.count(200)
        assert len(upstream.requests) == asked + admitted
        balance = (await client.get("/api/v1/balance")).json()
    assert 0 < admitted < 10, "each call holds more than a credit"
    assert balance["held"] == "0.00"
    assert float(balance["available"]) >= 0
    upstream._script.clear()
