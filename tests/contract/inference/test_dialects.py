"""Whatever a provider speaks: the same answer, the same charge, the same failures."""

import asyncio
import json
from typing import Any

import pytest

from testkase.core.ledger.terms import Tokens
from testkase.services.inference import Answer, Call, Capabilities, ProviderError, ProviderTimeout, StreamCut
from testkase.services.inference.model import Kind
from tests.contract.inference.conftest import Lab
from tests.support.upstream import Reply, Upstream
from tests.support.wires import INPUT, OUTPUT, TEXTS, Said, streamed, whole

KINDS: list[Kind] = ["openai", "anthropic", "gemini", "azure"]
BODY: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Say hello."}],
    "max_tokens": 50,
}
USAGE = {**BODY, "stream_options": {"include_usage": True}}

pytestmark = pytest.mark.parametrize("kind", KINDS)


async def drained(call: Call) -> list[bytes]:
    return [payload async for payload in call.events()]


@pytest.mark.requirement("P19")
async def test_a_stream_becomes_chunks_of_a_chat_completion(lab: Lab, upstream: Upstream, kind: Kind) -> None:
    upstream.script(streamed(kind))
    async with lab.catalog(kind=kind).open("m", USAGE, stream=True) as call:
        chunks = await drained(call)
    answer = Answer()
    assert "".join(answer.take(chunk) for chunk in chunks) == answer.text == "".join(TEXTS)
    assert (answer.finish_reason, chunks[-1]) == ("stop", b"[DONE]")
    usage = json.loads(chunks[-2])["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (INPUT, OUTPUT)
    result = call.result()
    assert (result.tokens, result.measurement, result.outcome) == (
        Tokens(input=INPUT, output=OUTPUT), "exact", "completed",
    )  # fmt: skip
    assert result.upstream_id


async def test_usage_nobody_asked_for_is_kept_back(lab: Lab, upstream: Upstream, kind: Kind) -> None:
    upstream.script(streamed(kind))
    async with lab.catalog(kind=kind).open("m", BODY, stream=True) as call:
        chunks = await drained(call)
    assert not any(json.loads(chunk).get("usage") for chunk in chunks[:-1])


async def test_a_whole_answer_becomes_a_chat_completion(lab: Lab, upstream: Upstream, kind: Kind) -> None:
    upstream.script(whole(kind))
    async with lab.catalog(kind=kind).open("m", BODY, stream=False) as call:
        body = json.loads(await call.read())
    assert body["choices"][0]["message"]["content"] == "".join(TEXTS)
    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["usage"]["completion_tokens"] == OUTPUT
    assert (call.result().tokens, call.result().measurement) == (Tokens(input=INPUT, output=OUTPUT), "exact")


@pytest.mark.requirement("P17")
@pytest.mark.parametrize("cut", ["eof", "broken"])
async def test_a_cut_stream_is_partial_though_nothing_went_wrong(
    lab: Lab, upstream: Upstream, kind: Kind, cut: Any
) -> None:
    upstream.script(streamed(kind, cut_after=5 if kind == "anthropic" else 2, cut=cut))
    async with lab.catalog(kind=kind).open("m", BODY, stream=True) as call:
        with pytest.raises(StreamCut):
            await drained(call)
    result = call.result()
    assert (result.finished, result.measurement, result.outcome) == (False, "partial", "cancelled")
    assert result.delivered_text_bytes == len("Hello from")
    if kind in ("anthropic", "gemini"):  # they have counted the prompt by then
        assert result.tokens.input == INPUT
    assert 2 <= result.tokens.output <= 3


@pytest.mark.requirement("P17")
@pytest.mark.parametrize("cut", ["eof", "broken"])
async def test_a_stream_cut_before_any_output_costs_nothing(lab: Lab, upstream: Upstream, kind: Kind, cut: Any) -> None:
    upstream.script(streamed(kind, cut_after=0, cut=cut))
    async with lab.catalog(kind=kind).open("m", BODY, stream=True) as call:
        with pytest.raises(ProviderError):
            await drained(call)
    assert (call.result().outcome, call.result().tokens) == ("failed", Tokens())


async def test_an_answer_that_never_says_it_is_finished_has_not_finished(
    lab: Lab, upstream: Upstream, kind: Kind
) -> None:
    upstream.script(streamed(kind, Said(finish=False)))
    async with lab.catalog(kind=kind).open("m", BODY, stream=True) as call:
        with pytest.raises(StreamCut):
            await drained(call)
    assert not call.result().finished


async def test_without_usage_the_charge_is_an_estimate(lab: Lab, upstream: Upstream, kind: Kind) -> None:
    upstream.script(streamed(kind, Said(usage=False)), whole(kind, Said(usage=False)))
    catalog = lab.catalog(kind=kind)
    for stream in (True, False):
        async with catalog.open("m", BODY, stream=stream) as call:
            await (drained(call) if stream else call.read())
        assert (call.result().measurement, call.result().outcome) == ("estimated", "completed")
        assert call.result().tokens.output == 4


async def test_what_the_provider_declines_is_refused(lab: Lab, upstream: Upstream, kind: Kind) -> None:
    said = Said(texts=(), refused=True)
    upstream.script(streamed(kind, said), whole(kind, said))
    catalog = lab.catalog(kind=kind)
    for stream in (True, False):
        async with catalog.open("m", BODY, stream=stream) as call:
            await (drained(call) if stream else call.read())
        assert call.result().outcome == "refused"


async def test_an_empty_answer_has_failed(lab: Lab, upstream: Upstream, kind: Kind) -> None:
    upstream.script(streamed(kind, Said(texts=())))
    async with lab.catalog(kind=kind).open("m", BODY, stream=True) as call:
        await drained(call)
    assert call.result().outcome == "failed"


@pytest.mark.parametrize(("status", "outcome"), [(400, "refused"), (401, "refused"), (429, "failed"), (529, "failed")])
async def test_a_refusal_or_failure_is_sent_once_and_costs_nothing(
    lab: Lab, upstream: Upstream, kind: Kind, status: int, outcome: str
) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "code": status, "message": "not now"}}
    upstream.script(Reply(status=status, error=error, headers=(("Retry-After", "7"),)))
    call = lab.catalog(kind=kind).open("m", BODY, stream=True)
    with pytest.raises(ProviderError) as refused:
        async with call:
            pass
    assert (refused.value.status, refused.value.upstream_message) == (status, None if status == 401 else "not now")
    assert (call.result().outcome, call.result().tokens) == (outcome, Tokens())
    assert len(upstream.requests) == 1


async def test_an_error_inside_the_stream_is_told(lab: Lab, upstream: Upstream, kind: Kind) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "overloaded"}}
    upstream.script(streamed(kind, cut_after=0, error=error))
    async with lab.catalog(kind=kind).open("m", BODY, stream=True) as call:
        with pytest.raises(ProviderError) as failed:
            await drained(call)
    assert failed.value.upstream_message == "overloaded"


async def test_a_silent_provider_times_out_free(lab: Lab, upstream: Upstream, kind: Kind) -> None:
    upstream.script(streamed(kind, delay_headers=5))
    call = lab.catalog(kind=kind, read_timeout=0.1).open("m", BODY, stream=True)
    with pytest.raises(ProviderTimeout):
        async with call:
            pass
    assert (call.result().outcome, call.result().flags) == ("failed", ("provider_cost_unknown",))
    assert len(upstream.requests) == 1


async def test_leaving_closes_the_connection_at_once(lab: Lab, upstream: Upstream, kind: Kind) -> None:
    upstream.script(streamed(kind, Said(texts=tuple("abcdefgh" * 200)), delay_chunk=0.01))
    async with lab.catalog(kind=kind).open("m", BODY, stream=True) as call:
        async for chunk in call.events():
            if Answer().take(chunk):
                break
    assert (call.result().outcome, call.result().measurement, call.result().tokens.output) == (
        "cancelled",
        "partial",
        1,
    )
    assert await asyncio.to_thread(upstream.disconnected.wait, 5)


async def test_senseless_bytes_are_no_fault_of_ours(lab: Lab, upstream: Upstream, kind: Kind) -> None:
    upstream.script(*(Reply(raw_body=body) for body in (b"<html>", b"[]", b"{}", b'{"error":"no"}', b'{"a":"\xff"}')))
    for _ in range(5):
        async with lab.catalog(kind=kind).open("m", BODY, stream=False) as call:
            with pytest.raises(ProviderError):
                await call.read()
        assert (call.result().outcome, call.result().tokens) == ("failed", Tokens())
    upstream.script(Reply(raw_events=("[]", '"x"', "{", '{"candidates":[7],"type":"message_start","choices":[]}')))
    async with lab.catalog(kind=kind).open("m", BODY, stream=True) as call:
        with pytest.raises(ProviderError):
            await drained(call)


@pytest.mark.requirement("R70", "R71")
async def test_the_output_is_always_bounded_and_the_caller_stays_unnamed(
    lab: Lab, upstream: Upstream, kind: Kind
) -> None:
    upstream.script(whole(kind))
    able = Capabilities(store=kind in ("openai", "azure"), request=(("region", '"eu"'),))
    body = {**BODY, "max_tokens": 10**9, "user": "ada@example.com", "metadata": {"a": "b"}, "service_tier": "priority"}
    async with lab.catalog(kind=kind, capabilities=able).open("m", body, stream=False) as call:
        await call.read()
    sent = json.dumps(upstream.requests[0].body)
    assert upstream.requests[0].body["region"] == "eu"
    assert "8192" in sent
    assert not any(word in sent for word in ("ada@", "metadata", "service_tier", "1000000000"))
    assert ('"store": false' in sent) == (kind in ("openai", "azure"))


@pytest.mark.requirement("R69")
async def test_the_key_travels_in_the_providers_own_header_and_in_no_address(
    lab: Lab, upstream: Upstream, kind: Kind
) -> None:
    upstream.script(streamed(kind), whole(kind))
    catalog = lab.catalog(kind=kind)
    for stream in (True, False):
        async with catalog.open("m", BODY, stream=stream) as call:
            await (drained(call) if stream else call.read())
    header, key, streaming, once = {
        "openai": ("authorization", "Bearer sk-scripted-key", "/chat/completions", "/chat/completions"),
        "anthropic": ("x-api-key", "sk-scripted-key", "/messages", "/messages"),
        "gemini": (
            "x-goog-api-key", "sk-scripted-key", "/models/m-2026:streamGenerateContent?alt=sse",
            "/models/m-2026:generateContent",
        ),
        "azure": (
            "api-key", "sk-scripted-key", *["/openai/deployments/m-2026/chat/completions?api-version=2024-10-21"] * 2,
        ),
    }[kind]  # fmt: skip
    assert [request.path for request in upstream.requests] == [f"/v1{streaming}", f"/v1{once}"]
    assert all(request.headers[header] == key for request in upstream.requests)
    assert ("authorization" in upstream.requests[0].headers) == (kind == "openai")
    assert upstream.requests[0].headers.get("anthropic-version") == ("2023-06-01" if kind == "anthropic" else None)
