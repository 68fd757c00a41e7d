"""Answers cut by the client, the provider or the ledger: what was delivered is charged, no hold stays behind."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import openai
import psycopg
import pytest

from tests.support.cluster import TestDatabase
from tests.support.programs import MODEL, Organization
from tests.support.upstream import Reply, Upstream

ASK: list[Any] = [{"role": "user", "content": "Say hello."}]
TOKENS = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200}
COST = "0.50"


@pytest.fixture
def gateway(base_url: str, org: Organization) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{base_url}/openai/v1", headers=org.headers, timeout=30) as client:
        yield client


@pytest.fixture
def client(base_url: str, org: Organization) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{base_url}/openai/v1", api_key=org.key, max_retries=0) as made:
        yield made


def eventually(read: Callable[[], Any], wanted: Callable[[Any], bool], seconds: float = 60) -> Any:
    """The first reading that is wanted; the last one when the time is over."""
    end = time.monotonic() + seconds
    while True:
        found = read()
        if wanted(found) or time.monotonic() > end:
            return found
        time.sleep(0.05)


def settled(api: httpx.Client) -> dict[str, Any]:
    """The only interaction, once it is there; nothing may be held any more."""
    items = eventually(lambda: api.get("/usage").json()["items"], bool)
    assert len(items) == 1
    assert api.get("/balance").json()["held"] == "0.00"
    row: dict[str, Any] = items[0]
    return row


@contextmanager
def streaming(gateway: httpx.Client) -> Iterator[Iterator[str]]:
    """The events of a streamed answer; leaving the block closes the connection."""
    with gateway.stream("POST", "/chat/completions", json={"model": MODEL, "messages": ASK, "stream": True}) as answer:
        yield (line for line in answer.iter_lines() if line.startswith("data:"))


@pytest.mark.requirement("P17")
def test_a_client_that_leaves_after_the_first_token_pays_what_the_provider_reports(
    gateway: httpx.Client, api: httpx.Client, upstream: Upstream
) -> None:
    """etalab-ia/OpenGateLLM#1151: 254,347 tokens unbilled; bitrouter/bitrouter#537: disconnect = free usage."""
    upstream.script(Reply(usage=TOKENS, delay_chunk=0.1))
    with streaming(gateway) as events:
        next(events)
    row = settled(api)
    assert (row["charged"], row["measurement"], row["outcome"]) == (COST, "exact", "cancelled")


@pytest.mark.requirement("P17")
def test_a_client_that_leaves_before_the_headers_pays_what_the_provider_reports(
    gateway: httpx.Client, api: httpx.Client, upstream: Upstream
) -> None:
    upstream.script(Reply(usage=TOKENS, delay_headers=0.6))
    with pytest.raises(httpx.ReadTimeout):
        gateway.post("/chat/completions", json={"model": MODEL, "messages": ASK, "stream": True}, timeout=0.3)
    row = settled(api)
    assert (row["charged"], row["measurement"], row["outcome"]) == (COST, "exact", "cancelled")


@pytest.mark.requirement("P17")
def test_a_client_that_leaves_an_answer_that_is_not_streamed_pays_what_the_provider_reports(
    gateway: httpx.Client, api: httpx.Client, upstream: Upstream
) -> None:
    upstream.script(Reply(usage=TOKENS, delay_first=0.6))
    with pytest.raises(httpx.ReadTimeout):
        gateway.post("/chat/completions", json={"model": MODEL, "messages": ASK}, timeout=0.3)
    assert settled(api)["charged"] == COST


@pytest.mark.requirement("P17")
def test_a_client_that_leaves_between_the_finish_and_the_usage_pays_the_usage(
    gateway: httpx.Client, api: httpx.Client, upstream: Upstream
) -> None:
    upstream.script(Reply(chunks=("Hi",), usage=TOKENS, delay_chunk=0.3))
    with streaming(gateway) as events:
        for event in events:
            if '"stop"' in event:
                break
    row = settled(api)
    assert (row["charged"], row["measurement"]) == (COST, "exact")


@pytest.mark.requirement("P17")
def test_a_client_that_leaves_while_the_ledger_is_settling_is_charged_once(
    gateway: httpx.Client, api: httpx.Client, upstream: Upstream, org: Organization, module_database: TestDatabase
) -> None:
    upstream.script(Reply(chunks=("Hi",), usage=TOKENS, delay_first=0.3))
    with psycopg.connect(module_database.owner_url) as blocker, streaming(gateway) as events:
        blocker.execute("SELECT 1 FROM ledger.account WHERE org_id = %s FOR UPDATE", (org.org_id,))
        for event in events:
            if '"stop"' in event:
                break
        time.sleep(0.3)
    assert settled(api)["charged"] == COST


@pytest.mark.requirement("P17")
@pytest.mark.parametrize("cut", ["eof", "broken"])
def test_a_provider_that_dies_after_output_is_paid_for_what_it_delivered(
    client: openai.OpenAI, api: httpx.Client, upstream: Upstream, cut: Any
) -> None:
    upstream.script(Reply(chunks=("Hello " * 100, "world"), usage=TOKENS, cut_after=1, cut=cut))
    with pytest.raises(openai.APIError) as broken:
        list(client.chat.completions.create(model=MODEL, messages=ASK, stream=True))
    assert broken.value.code == "provider_cut"
    row = settled(api)
    assert (row["measurement"], row["outcome"]) == ("partial", "cancelled")
    assert row["usage"]["output_tokens"] == 150
    assert 0 < float(row["charged"]) < 1


@pytest.mark.requirement("P17", "B10")
@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (Reply(status=500), 502),
        (Reply(status=503), 502),
        (Reply(status=429), 429),
        (Reply(status=401), 502),
        (Reply(status=400, error={"error": {"message": "too long"}}), 400),
        (Reply(raw_body=b"<html>", usage=None), 502),
        (Reply(cut_after=0), 502),
    ],
)
def test_a_provider_that_refuses_or_dies_before_output_costs_nothing(
    gateway: httpx.Client, api: httpx.Client, upstream: Upstream, reply: Reply, status: int
) -> None:
    """QuantumNous/new-api#4199: 99 users charged in a day for calls that failed."""
    asked = len(upstream.requests)
    upstream.script(reply)
    answer = gateway.post("/chat/completions", json={"model": MODEL, "messages": ASK})
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == "provider_error"
    assert len(upstream.requests) == asked + 1, "a call that was sent is not sent again"
    row = settled(api)
    assert (row["charged"], row["outcome"] in ("failed", "refused")) == ("0.00", True)
    assert answer.headers["x-testkase-charged"] == "0.00"
    assert api.get("/balance").json()["available"] == "300.00"


def test_what_the_provider_says_of_the_request_reaches_the_caller(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script(Reply(status=400, error={"error": {"message": "This model's maximum context length is 8192."}}))
    with pytest.raises(openai.BadRequestError, match="maximum context length"):
        client.chat.completions.create(model=MODEL, messages=ASK)


@pytest.mark.parametrize("status", [404, 429, 500])
@pytest.mark.parametrize("stream", [True, False])
def test_what_the_provider_says_of_the_operators_account_does_not(
    client: openai.OpenAI, upstream: Upstream, status: int, stream: bool
) -> None:
    """`Rate limit reached for organization org-…`, `No access to the deployment …`: names of whoever runs this."""
    upstream.script(Reply(status=status, error={"error": {"message": "Rate limit reached for organization org-4711"}}))
    with pytest.raises(openai.APIStatusError) as refused:
        client.chat.completions.create(model=MODEL, messages=ASK, stream=stream)
    assert "org-4711" not in refused.value.response.text
    assert f"HTTP {status}" in refused.value.message


@pytest.mark.requirement("P17")
def test_an_error_in_the_stream_before_any_output_costs_nothing(
    client: openai.OpenAI, api: httpx.Client, upstream: Upstream
) -> None:
    upstream.script(Reply(cut_after=0, error={"error": {"message": "overloaded", "code": 529}}))
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(model=MODEL, messages=ASK, stream=True))
    assert settled(api)["charged"] == "0.00"


@pytest.mark.requirement("P17")
def test_a_finished_answer_without_usage_is_estimated_and_says_so(
    client: openai.OpenAI, api: httpx.Client, upstream: Upstream
) -> None:
    upstream.script(Reply(chunks=("Hello " * 100,), usage=None))
    list(client.chat.completions.create(model=MODEL, messages=ASK, stream=True))
    row = settled(api)
    assert (row["measurement"], row["outcome"], row["usage"]["output_tokens"]) == ("estimated", "completed", 150)


@pytest.mark.requirement("P17")
def test_an_empty_answer_costs_nothing(client: openai.OpenAI, api: httpx.Client, upstream: Upstream) -> None:
    upstream.script(Reply(chunks=(), usage={"prompt_tokens": 50, "completion_tokens": 0, "total_tokens": 50}))
    list(client.chat.completions.create(model=MODEL, messages=ASK, stream=True))
    assert settled(api)["charged"] == "0.00"


@pytest.mark.requirement("P19")
def test_cached_and_reasoning_tokens_are_priced_once(
    client: openai.OpenAI, api: httpx.Client, upstream: Upstream
) -> None:
    """langwatch/langwatch#7018 (11 times the price); agentgateway/agentgateway#3228 (never priced)."""
    tokens = {
        "prompt_tokens": 7_000, "completion_tokens": 1_000, "total_tokens": 8_000,
        "prompt_tokens_details": {"cached_tokens": 5_000}, "completion_tokens_details": {"reasoning_tokens": 400},
    }  # fmt: skip
    upstream.script(Reply(usage=tokens))
    client.chat.completions.create(model=MODEL, messages=ASK)
    row = settled(api)
    assert row["usage"] == {
        "input_tokens": 2_000, "cached_input_tokens": 5_000, "output_tokens": 600, "reasoning_tokens": 400,
    }  # fmt: skip
    assert row["charged"] == "2.15", "2,000 at 200, 5,000 at 50, 1,000 at 1,500 a million"


@pytest.mark.requirement("P17", "I7")
def test_nobody_can_release_settle_or_extend_the_hold_of_a_running_call(
    gateway: httpx.Client, api: httpx.Client, upstream: Upstream
) -> None:
    """A caller who could would have the rest of the answer for nothing."""
    upstream.script(Reply(usage=TOKENS, delay_chunk=0.2))
    body = {"model": MODEL, "messages": ASK, "stream": True}
    with gateway.stream("POST", "/chat/completions", json=body, headers={"Idempotency-Key": "mine"}) as answer:
        hold = answer.headers["x-testkase-hold"]
        assert api.get(f"/holds/{hold}").json()["state"] == "open"
        for attempt in (
            api.delete(f"/holds/{hold}"),
            api.delete("/holds/mine"),
            api.post(f"/holds/{hold}/settlement", json={"credits": "0"}),
            api.post(f"/holds/{hold}/extension", json={"id": "1"}),
        ):
            assert (attempt.status_code, attempt.json()["code"]) == (404, "hold_not_found")
        batch = api.post("/settlements:batch", json={"items": [{"id": hold, "credits": "0"}]})
        assert batch.json()["items"][0]["status"] == 422
        used = {"use_case": "chat", "user": "u", "credits": "0"}
        assert api.post("/usage", json={**used, "id": hold}).status_code == 422
        assert api.post("/holds", json={**used, "id": hold}).status_code == 422
        answer.read()
    assert settled(api)["charged"] == COST
