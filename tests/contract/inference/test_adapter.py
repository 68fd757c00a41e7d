"""The OpenAI-compatible adapter against a provider that misbehaves in every way we know of."""

import asyncio
import json
import logging
import socket
from typing import Any

import pytest

from testkase.core.ledger.terms import Tokens
from testkase.foundation.problems import InvalidInput
from testkase.services.inference import (
    Call,
    Capabilities,
    ModelNotServed,
    ProviderError,
    ProviderTimeout,
    StreamCut,
)
from testkase.services.inference.model import Kind
from tests.contract.inference.conftest import Lab
from tests.support.upstream import Reply, Upstream

CANARY = "canary-3f1d9c-prompt"
BODY: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": f"Say hello, {CANARY}."}],
    "max_tokens": 50,
}


async def drained(call: Call) -> list[bytes]:
    return [payload async for payload in call.events()]


async def test_a_stream_passes_through_unchanged_but_for_the_usage_nobody_asked_for(
    lab: Lab, upstream: Upstream
) -> None:
    upstream.script(Reply(comments=True), Reply())
    async with lab.catalog().open("m", BODY, stream=True) as call:
        quiet = await drained(call)
    async with lab.catalog().open("m", {**BODY, "stream_options": {"include_usage": True}}, stream=True) as call:
        with_usage = await drained(call)
    assert quiet[-1] == b"[DONE]"
    texts = [json.loads(one)["choices"][0]["delta"].get("content", "") for one in quiet[:-1]]
    assert "".join(texts) == "Hello from the upstream"
    assert [one for one in with_usage if one not in quiet] == [with_usage[-2]]
    assert json.loads(with_usage[-2])["usage"]["prompt_tokens"] == 20
    assert call.result().tokens == Tokens(input=20, output=4)


async def test_an_answer_passes_through_unchanged(lab: Lab, upstream: Upstream) -> None:
    answer = (
        b'{"choices":[{"index":0,"message":{"content":"\\u00fc"},"finish_reason":"stop"}],"odd":1.50, "usage":null}'
    )
    upstream.script(Reply(raw_body=answer))
    async with lab.catalog().open("m", BODY, stream=False) as call:
        assert await call.read() == answer


@pytest.mark.requirement("P17")
@pytest.mark.parametrize("cut", ["eof", "broken"])
async def test_a_cut_stream_is_partial_though_nothing_went_wrong(lab: Lab, upstream: Upstream, cut: Any) -> None:
    upstream.script(Reply(cut_after=3, cut=cut))
    async with lab.catalog().open("m", BODY, stream=True) as call:
        with pytest.raises(StreamCut):
            await drained(call)
    result = call.result()
    assert (result.finished, result.measurement, result.outcome) == (
        False,
        "partial",
        "cancelled",
    )
    assert result.delivered_text_bytes == len("Hello from the")
    assert result.tokens.output == 4
    assert result.tokens.input > 0


@pytest.mark.requirement("P17")
@pytest.mark.parametrize("cut", ["eof", "broken"])
async def test_a_stream_cut_before_any_output_costs_nothing(lab: Lab, upstream: Upstream, cut: Any) -> None:
    upstream.script(Reply(cut_after=0, cut=cut))
    async with lab.catalog().open("m", BODY, stream=True) as call:
        with pytest.raises(ProviderError):
            await drained(call)
    assert (call.result().outcome, call.result().tokens) == ("failed", Tokens())


_SAID = "Hello " * 100
_BEGUN: dict[Kind, tuple[dict[str, Any], ...]] = {
    "openai": (
        {
            "choices": [{"index": 0, "delta": {"content": _SAID}}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        },
    ),
    "gemini": (
        {
            "candidates": [{"content": {"parts": [{"text": _SAID}]}}],
            "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9},
        },
    ),
    "anthropic": (
        {"type": "message_start", "message": {"usage": {"input_tokens": 0, "output_tokens": 0}}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": _SAID}},
    ),
}


@pytest.mark.requirement("P17")
@pytest.mark.parametrize("kind", _BEGUN)
async def test_figures_from_before_the_answer_do_not_make_a_cut_one_free(
    lab: Lab, upstream: Upstream, kind: Kind
) -> None:
    """Running figures that counted nothing yet were taken for what the delivered text came to."""
    upstream.script(Reply(raw_events=tuple(json.dumps(event) for event in _BEGUN[kind])))
    async with lab.catalog(kind=kind).open("m", BODY | {"max_tokens": 500}, stream=True) as call:
        with pytest.raises(StreamCut):
            await drained(call)
        assert call.so_far() == (call.result().tokens, "partial")
    result = call.result()
    assert (result.tokens.output, result.measurement) == (150, "partial")
    assert result.tokens.input == 9 if kind == "gemini" else result.tokens.input > 9


async def test_a_stream_broken_between_the_finish_reason_and_usage_is_finished_but_estimated(
    lab: Lab, upstream: Upstream
) -> None:
    upstream.script(Reply(cut_after=5, cut="broken"))
    async with lab.catalog().open("m", BODY, stream=True) as call:
        await drained(call)
    result = call.result()
    assert (result.finished, result.measurement, result.outcome) == (
        True,
        "estimated",
        "completed",
    )


@pytest.mark.requirement("P17")
async def test_an_error_inside_the_stream_is_partial_after_output_and_free_before(lab: Lab, upstream: Upstream) -> None:
    error = {"error": {"message": "overloaded", "code": 502}}
    upstream.script(Reply(cut_after=2, error=error), Reply(cut_after=0, error=error))
    async with lab.catalog().open("m", BODY, stream=True) as call:
        with pytest.raises(StreamCut):
            await drained(call)
    assert (call.result().outcome, call.result().measurement) == (
        "cancelled",
        "partial",
    )
    async with lab.catalog().open("m", BODY, stream=True) as call:
        with pytest.raises(ProviderError) as refused:
            await drained(call)
    assert refused.value.upstream_message == "overloaded"
    assert (call.result().outcome, call.result().tokens) == ("failed", Tokens())


@pytest.mark.requirement("P17")
@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, "refused"),
        (401, "refused"),
        (404, "refused"),
        (429, "failed"),
        (500, "failed"),
        (503, "failed"),
    ],
)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_refusal_or_failure_is_sent_once_and_costs_nothing(
    lab: Lab, upstream: Upstream, status: int, outcome: str, stream: bool
) -> None:
    upstream.script(
        Reply(
            status=status,
            error={"error": {"message": "sk-scr... is wrong"}},
            headers=(("Retry-After", "7"),),
        )
    )
    call = lab.catalog().open("m", BODY, stream=stream)
    with pytest.raises(ProviderError) as refused:
        async with call:
            pass
    assert refused.value.status == status
    assert refused.value.facts.get("retry_after_seconds") == (None if status == 401 else 7)
    assert (refused.value.upstream_message is None) == (status == 401)
    assert (call.result().outcome, call.result().tokens) == (outcome, Tokens())
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("said", ["sk-scripted-key is wrong", "key 'sk-scrip*******' is wrong", "not ...ripted-key"])
async def test_a_provider_that_quotes_the_operators_key_is_not_quoted(
    lab: Lab, upstream: Upstream, stream: bool, said: str
) -> None:
    error = {"error": {"message": said, "code": 400}}
    upstream.script(
        Reply(status=400, error=error), Reply(cut_after=0, error=error) if stream else Reply(status=500, error=error)
    )
    for _ in range(2):
        with pytest.raises(ProviderError) as refused:
            async with lab.catalog().open("m", BODY, stream=stream) as call:
                await drained(call)
        assert refused.value.upstream_message is None
        assert "key" not in str(refused.value)


async def test_a_silent_provider_times_out_free_with_a_note_that_its_cost_is_unknown(
    lab: Lab, upstream: Upstream
) -> None:
    upstream.script(Reply(delay_headers=5))
    call = lab.catalog(read_timeout=0.1).open("m", BODY, stream=True)
    with pytest.raises(ProviderTimeout):
        async with call:
            pass
    assert (call.result().outcome, call.result().tokens) == ("failed", Tokens())
    assert call.result().flags == ("provider_cost_unknown",)
    assert len(upstream.requests) == 1


async def test_a_provider_that_falls_silent_after_output_is_cut(lab: Lab, upstream: Upstream) -> None:
    upstream.script(Reply(delay_chunk=5))
    async with lab.catalog(read_timeout=0.2).open("m", BODY, stream=True) as call:
        with pytest.raises(StreamCut):
            await drained(call)
    assert (call.result().outcome, call.result().measurement) == (
        "cancelled",
        "partial",
    )


async def test_an_unreachable_provider_is_a_clear_problem(lab: Lab) -> None:
    call = lab.catalog(base_url="http://127.0.0.1:1/v1").open("m", BODY, stream=False)
    with pytest.raises(ProviderError, match="cannot be reached"):
        async with call:
            pass
    assert (call.result().outcome, call.result().tokens) == ("failed", Tokens())


async def test_leaving_before_the_headers_charges_the_prompt_that_was_sent(lab: Lab, upstream: Upstream) -> None:
    upstream.script(Reply(delay_headers=5))
    call = lab.catalog().open("m", BODY, stream=True)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2), call:
            pass
    assert (
        call.result().outcome,
        call.result().measurement,
        call.result().finished,
    ) == ("cancelled", "partial", False)
    assert call.result().tokens.input > 0
    assert call.result().tokens.output == 0


async def test_leaving_before_there_is_a_connection_costs_nothing(lab: Lab) -> None:
    """The provider had not been asked yet, and the prompt was charged."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # lets connect, and never answers to a TLS greeting
        call = lab.catalog(base_url=f"https://127.0.0.1:{deaf.getsockname()[1]}").open("m", BODY, stream=True)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2), call:
                pass
    assert (call.result().outcome, call.result().tokens) == ("failed", Tokens())


async def test_leaving_after_the_first_token_closes_the_connection_and_charges_what_came(
    lab: Lab, upstream: Upstream
) -> None:
    upstream.script(Reply(chunks=tuple("abcdefgh" * 200), delay_chunk=0.01))
    async with lab.catalog().open("m", BODY, stream=True) as call:
        async for _ in call.events():
            break
    result = call.result()
    assert (result.outcome, result.measurement, result.tokens.output) == (
        "cancelled",
        "partial",
        1,
    )
    assert await asyncio.to_thread(upstream.disconnected.wait, 5)


async def test_a_stream_read_on_to_its_end_is_exact_though_nobody_listens(lab: Lab, upstream: Upstream) -> None:
    upstream.script(Reply(delay_chunk=0.01))
    async with lab.catalog().open("m", BODY, stream=True) as call:
        await drained(call)
    assert call.result().measurement == "exact"


@pytest.mark.requirement("R70", "R71")
async def test_the_request_is_private_clamped_and_asks_for_usage(lab: Lab, upstream: Upstream) -> None:
    able = Capabilities(
        max_completion_tokens=True,
        store=True,
        max_choices=4,
        request=(("provider", '{"zdr":true}'),),
    )
    body = {**BODY, "max_tokens": 10**9, "n": 2, "store": True, "user": "ada@example.com", "service_tier": "priority",
            "metadata": {"a": "b"}, "n_predict": 10**9, "tools": [{"type": "function", "function": {"name": "f"}}],
            "response_format": {"type": "json_object"}}  # fmt: skip
    async with lab.catalog(capabilities=able).open("m", body, stream=True) as call:
        with pytest.raises(StreamCut):  # two choices were asked for and one came
            await drained(call)
    sent = upstream.requests[0].body
    assert sent == {
        "model": "m-2026", "messages": BODY["messages"], "max_completion_tokens": 8192, "n": 2, "store": False,
        "provider": {"zdr": True}, "tools": body["tools"], "response_format": {"type": "json_object"}, "stream": True,
        "stream_options": {"include_usage": True},
    }  # fmt: skip


@pytest.mark.parametrize(
    "wish",
    [{"n": 1000}, {"n": 0}, {"n": "2"}, {"max_tokens": 0}, {"max_tokens": 1.5}, {"max_tokens": True},
     {"web_search_options": {}}, {"tools": [{"type": "web_search"}]}, {"models": ["dearer"]}, {"prediction": {}},
     {"modalities": ["text", "audio"]},
     {"messages": []}, {"messages": "hello"}, {"messages": ["hello"]},
     {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x"}}]}]},
     {"messages": [{"role": "user", "content": 7}]}],
    ids=str,
)  # fmt: skip
async def test_what_cannot_be_bounded_is_refused_before_it_is_sent(
    lab: Lab, upstream: Upstream, wish: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput):
        lab.catalog().open("m", {**BODY, **wish}, stream=False)
    assert upstream.requests == []


@pytest.mark.parametrize("name", ["gpt-unknown", "", None, 7, ["m"]])
async def test_an_unknown_model_is_refused(lab: Lab, name: Any) -> None:
    with pytest.raises(ModelNotServed):
        lab.catalog().open(name, BODY, stream=False)


async def test_a_redirect_is_a_failure_and_the_key_stays_with_its_host(lab: Lab, upstream: Upstream) -> None:
    upstream.script(
        Reply(
            status=307,
            headers=(("Location", "http://127.0.0.1:9/v1/chat/completions"),),
        )
    )
    with pytest.raises(ProviderError, match="redirect"):
        async with lab.catalog().open("m", BODY, stream=False):
            pass
    assert [one.headers["authorization"] for one in upstream.requests] == ["Bearer sk-scripted-key"]


async def test_neither_prompt_nor_answer_nor_key_is_logged(
    lab: Lab, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    echo = {"error": {"message": f"cannot read {CANARY}"}}
    upstream.script(
        Reply(chunks=(CANARY,)),
        Reply(status=400, error=echo),
        Reply(cut_after=1, chunks=(CANARY, "x")),
    )
    catalog, said = lab.catalog(), ""
    for _ in range(3):
        call = catalog.open("m", BODY, stream=True)
        try:
            async with call:
                await drained(call)
        except ProviderError as problem:
            said += f"{problem} {problem.detail} {problem.facts}"
        assert CANARY not in repr(call.result())
    assert CANARY not in said + caplog.text
    assert "sk-scripted-key" not in caplog.text
    assert "sk-scripted-key" not in repr(catalog._providers)


async def test_an_oversized_or_senseless_answer_is_a_failure(lab: Lab, upstream: Upstream) -> None:
    upstream.script(
        Reply(raw_body=b"<html>"),
        Reply(raw_body=b'{"choices":[]}'),
        Reply(raw_body=b'{"error":"no"}'),
    )
    for _ in range(3):
        async with lab.catalog().open("m", BODY, stream=False) as call:
            with pytest.raises(ProviderError):
                await call.read()
        assert (call.result().outcome, call.result().tokens) == ("failed", Tokens())


async def test_bytes_that_are_no_utf8_are_no_fault_of_ours(lab: Lab, upstream: Upstream) -> None:
    """They ended the stream as an internal error; a whole answer and an error of such bytes did the same."""
    broken = b'{"choices": [{"index": 0, "delta": {"content": "\xff"}}]}'
    finish = '{"choices": [{"index": 0, "finish_reason": "stop"}]}'
    upstream.script(Reply(raw_events=(broken.decode(errors="surrogateescape"), finish)))
    async with lab.catalog().open("m", BODY, stream=True) as call:
        assert await drained(call) == [broken, finish.encode()]
    for status in (200, 500):
        upstream.script(Reply(raw_body=b'{"error": {"message": "\xff"}}', status=status))
        with pytest.raises(ProviderError):
            async with lab.catalog().open("m", BODY, stream=False) as call:
                await call.read()
