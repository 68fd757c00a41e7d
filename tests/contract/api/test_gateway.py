"""The gateway with the official OpenAI client: change the base URL, and calls are metered (B14)."""

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.support.programs import MODEL, Organization, Organizations
from tests.support.upstream import Reply, Upstream

ASK: list[Any] = [{"role": "user", "content": "Say hello."}]
TOKENS = {"prompt_tokens": 1000, "completion_tokens": 200, "total_tokens": 1200}
COST = "0.50"
"""1,000 tokens at 200 credits a million, 200 at 1,500."""


@pytest.fixture
def client(base_url: str, org: Organization) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{base_url}/openai/v1", api_key=org.key, max_retries=0) as made:
        yield made


def usage(api: httpx.Client) -> dict[str, Any]:
    """The newest row of the usage table."""
    found: dict[str, Any] = api.get("/usage?limit=1").json()["items"][0]
    return found


@pytest.mark.requirement("B14", "P17", "R2", "R46")
def test_a_completion_is_answered_and_charged(client: openai.OpenAI, api: httpx.Client, upstream: Upstream) -> None:
    upstream.script(Reply(usage=TOKENS))
    headers = {"X-Use-Case": "nightly-tests", "X-User": "ada@example.com", "X-Project": "DEMO"}
    answer = client.chat.completions.with_raw_response.create(model=MODEL, messages=ASK, extra_headers=headers)
    assert answer.parse().choices[0].message.content == "Hello from the upstream"
    row = usage(api)
    assert row | {"at": "", "call_id": "", "rate_card": ""} == {
        "id": answer.headers["x-testkase-receipt"], "call_id": "", "at": "", "use_case": "nightly-tests",
        "user": "ada@example.com", "project": "DEMO", "model": MODEL, "outcome": "completed", "measurement": "exact",
        "usage": {"input_tokens": 1000, "output_tokens": 200}, "charged": COST, "cost": COST, "rate_card": "",
    }  # fmt: skip
    assert answer.headers["x-testkase-hold"] == row["call_id"]
    assert answer.headers["x-testkase-charged"] == COST
    assert answer.headers["x-testkase-balance"] == api.get("/balance").json()["available"] == "299.50"


@pytest.mark.requirement("B14", "P17")
def test_a_stream_is_passed_on_and_charged(client: openai.OpenAI, api: httpx.Client, upstream: Upstream) -> None:
    upstream.script(Reply(usage=TOKENS))
    stream = client.chat.completions.create(model=MODEL, messages=ASK, stream=True)
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Hello from the upstream"
    assert all(chunk.choices for chunk in chunks), "no usage chunk for a client that did not ask for one"
    row = usage(api)
    assert (row["charged"], row["measurement"], row["outcome"]) == (COST, "exact", "completed")
    assert stream.response.headers["x-testkase-hold"] == row["call_id"]
    assert api.get("/balance").json()["held"] == "0.00"


def test_a_client_that_asks_for_usage_gets_it(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script(Reply(usage=TOKENS))
    options: Any = {"include_usage": True}
    *_, last = client.chat.completions.create(model=MODEL, messages=ASK, stream=True, stream_options=options)
    assert last.usage is not None
    assert last.usage.prompt_tokens == 1000


@pytest.mark.requirement("B3")
def test_a_stream_ends_with_a_comment_that_names_charge_and_receipt(
    base_url: str, org: Organization, api: httpx.Client, upstream: Upstream
) -> None:
    upstream.script(Reply(usage=TOKENS))
    body = {"model": MODEL, "messages": ASK, "stream": True}
    answer = httpx.post(f"{base_url}/openai/v1/chat/completions", json=body, headers=org.headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    comment, done = [block for block in answer.text.split("\n\n") if block][-2:]
    row = usage(api)
    assert comment == (
        f': testkase {{"hold":"{row["call_id"]}","charged":"{COST}","receipt":"{row["id"]}","balance":"299.50"}}'
    )
    assert done == "data: [DONE]"


def test_tools_and_response_format_reach_the_model(client: openai.OpenAI, upstream: Upstream) -> None:
    upstream.script(Reply(chunks=(), tool_call=("add", '{"a": 1}')))
    tools: Any = [{"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}]
    schema: Any = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    answer = client.chat.completions.create(
        model=MODEL, messages=ASK, tools=tools, tool_choice="auto", response_format=schema, temperature=0.1, seed=7
    )
    called = answer.choices[0].message.tool_calls
    assert called is not None
    assert called[0].type == "function"
    assert (called[0].function.name, called[0].function.arguments) == ("add", '{"a": 1}')
    sent = upstream.requests[-1].body
    assert (sent["tools"], sent["tool_choice"], sent["response_format"]) == (tools, "auto", schema)
    assert (sent["temperature"], sent["seed"]) == (0.1, 7)


@pytest.mark.requirement("R19", "P17")
@pytest.mark.parametrize("wanted", [{"max_tokens": 10**9}, {"max_completion_tokens": 10**9}, {}])
def test_the_request_is_clamped_to_its_hold(
    client: openai.OpenAI, api: httpx.Client, upstream: Upstream, wanted: dict[str, int]
) -> None:
    """elizaOS/eliza#11169: reserved 500 tokens, allowed 4,096. And max_tokens=10^9 cannot park the balance."""
    client.chat.completions.create(model=MODEL, messages=ASK, extra_body=wanted)
    limit = upstream.requests[-1].body["max_tokens"]
    assert limit == 2048
    assert api.get("/balance").json()["held"] == "0.00"


@pytest.mark.parametrize(
    "body",
    [
        {"n": 1000}, {"n": 0}, {"n": -1}, {"n": "2"}, {"max_tokens": 0}, {"max_tokens": -5}, {"max_tokens": 1.5},
        {"max_tokens": "9"}, {"max_tokens": True}, {"messages": []}, {"messages": "hi"}, {"messages": [1]},
        {"messages": None}, {"stream": "yes"}, {"model": 5}, {"model": ""}, {"model": None},
        {"stream_options": 5, "stream": True}, {"prediction": {"type": "content", "content": "x"}},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        {"modalities": ["audio"]}, {"user": "a\nb"}, {"user": 5},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.requirement("I6")
def test_a_request_that_cannot_be_bounded_is_refused_before_anything_is_spent(
    base_url: str, org: Organization, api: httpx.Client, upstream: Upstream, body: dict[str, Any]
) -> None:
    before, asked = api.get("/balance").json(), len(upstream.requests)
    request = {"model": MODEL, "messages": ASK} | body
    answer = httpx.post(f"{base_url}/openai/v1/chat/completions", json=request, headers=org.headers)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["message"]
    assert error["param"]
    assert api.get("/balance").json() == before
    assert len(upstream.requests) == asked


@pytest.mark.requirement("I6")
@pytest.mark.parametrize("options", [0, "", [], False, 1])
def test_options_of_a_stream_that_are_none_are_refused_without_an_entry(
    base_url: str, org: Organization, organizations: Organizations, options: Any
) -> None:
    """What is false was taken for nothing: the credits were held, and then given back."""
    entries = "SELECT count(*) AS n FROM ledger.entry"
    before = organizations.rows(org.org_id, entries)
    request = {"model": MODEL, "messages": ASK, "stream_options": options}
    answer = httpx.post(f"{base_url}/openai/v1/chat/completions", json=request, headers=org.headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "stream_options")
    assert organizations.rows(org.org_id, entries) == before


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "invalid_json"),
        (b'{"model": "m", "messages": ' + b"[" * 50_000, "application/json", 400, "invalid_input"),
        (b'{"model": "m", "tools": [' + b"{}," * 2_000_000, "application/json", 400, "invalid_input"),
        (b"[]", "application/json", 400, "invalid_input"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
        (b" " * 9_000_000, "application/json", 413, "too_large"),
    ],
)
def test_a_body_that_cannot_be_read_answers_in_openais_shape(
    base_url: str, org: Organization, content: bytes, content_type: str, status: int, code: str
) -> None:
    headers = org.headers | {"Content-Type": content_type}
    answer = httpx.post(f"{base_url}/openai/v1/chat/completions", content=content, headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_more_messages_than_the_model_takes_tokens_never_reach_it(client: openai.OpenAI, upstream: Upstream) -> None:
    """A hundred thousand of them kept the model's server busy for minutes, only to be refused."""
    asked = len(upstream.requests)
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODEL, messages=ASK * 10_000)
    assert (refused.value.param, len(upstream.requests)) == ("messages", asked)


def test_a_deeply_nested_message_is_no_fault_of_ours(client: openai.OpenAI, upstream: Upstream) -> None:
    nested: Any = []
    for _ in range(250):
        nested = [nested]
    deep: list[Any] = [ASK[0] | {"more": nested}]
    client.chat.completions.create(model=MODEL, messages=deep)
    assert upstream.requests[-1].body["messages"][0]["more"]


@pytest.mark.requirement("I6")
@pytest.mark.parametrize("levels", [256, 500, 940, 960, 970, 980])
def test_what_is_nested_deeper_than_can_be_written_is_refused_before_anything_is_held(
    base_url: str, org: Organization, api: httpx.Client, levels: int
) -> None:
    """What could just be read, and then not be measured or written, was a fault of ours."""
    nested = "[" * levels + "]" * levels
    body = f'{{"model": "{MODEL}", "messages": [{{"role": "user", "content": "x"}}], "response_format": {nested}}}'
    before, headers = api.get("/balance").json(), org.headers | {"Content-Type": "application/json"}
    answer = httpx.post(f"{base_url}/openai/v1/chat/completions", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert api.get("/balance").json() == before


@pytest.mark.parametrize("name", ["X-Use-Case", "X-User", "X-Project"])
@pytest.mark.parametrize("value", ["X" * 300, "UTF-8''%0A", "UTF-8''%FF"])
def test_a_header_that_is_no_name_is_refused(client: openai.OpenAI, name: str, value: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODEL, messages=ASK, extra_headers={name: value})
    assert refused.value.param == name


@pytest.mark.requirement("P18", "R34")
def test_without_credits_the_call_is_refused_with_the_way_to_buy(
    base_url: str, organizations: Organizations, upstream: Upstream
) -> None:
    poor, asked = organizations.make("1"), len(upstream.requests)
    client = openai.OpenAI(base_url=f"{base_url}/openai/v1", api_key=poor.key, max_retries=0)
    with client, pytest.raises(openai.APIStatusError) as refused:
        client.chat.completions.create(model=MODEL, messages=ASK)
    assert (refused.value.status_code, refused.value.code) == (402, "insufficient_credits")
    body: Any = refused.value.body
    assert body["balance"] == "1.00"
    assert float(body["estimate"]) > 1
    assert body["buy_url"] == f"https://credits.test/settings/ai-credits/buy?organization={poor.org_id}"
    assert len(upstream.requests) == asked


@pytest.mark.requirement("R60", "P18")
def test_while_ai_is_off_the_model_is_not_called(
    client: openai.OpenAI, org: Organization, organizations: Organizations, upstream: Upstream
) -> None:
    organizations.switch_ai(org.org_id, enabled=False)
    asked = len(upstream.requests)
    with pytest.raises(openai.PermissionDeniedError) as refused:
        client.chat.completions.create(model=MODEL, messages=ASK)
    assert refused.value.code == "ai_disabled"
    assert len(upstream.requests) == asked


def test_an_unknown_model_is_not_found(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        client.chat.completions.create(model="gpt-999", messages=ASK)
    assert refused.value.code == "model_not_found"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-999")


def test_what_the_gateway_does_not_offer_says_what_it_does(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="/chat/completions and /models"):
        client.embeddings.create(model=MODEL, input="hello")
    with pytest.raises(openai.NotFoundError, match="/chat/completions and /models"):
        client.responses.create(model=MODEL, input="hello")


@pytest.mark.parametrize("key", ["nonsense", "tk_live_" + "x" * 40])
def test_a_wrong_key_is_unauthorized(base_url: str, key: str) -> None:
    client = openai.OpenAI(base_url=f"{base_url}/openai/v1", api_key=key, max_retries=0)
    with client, pytest.raises(openai.AuthenticationError) as refused:
        client.models.list()
    assert refused.value.code == "invalid_api_key"


def test_models_are_listed_and_retrieved(client: openai.OpenAI) -> None:
    listed = client.models.list().data
    assert [model.id for model in listed] == [MODEL]
    assert client.models.retrieve(MODEL).owned_by == "embedded"


@pytest.mark.requirement("R69")
def test_nothing_a_caller_sends_leads_the_providers_key_elsewhere(
    client: openai.OpenAI, org: Organization, upstream: Upstream
) -> None:
    """BerriAI/litellm#24952, #37053: the model's base URL chosen by a user, and the provider's key sent there."""
    elsewhere = {"base_url": "http://evil.test", "api_base": "http://evil.test", "api_key": "x", "models": None}
    headers = {"X-Base-Url": "http://evil.test", "X-Forwarded-Host": "evil.test"}
    client.chat.completions.create(model=MODEL, messages=ASK, extra_body=elsewhere, extra_headers=headers)
    sent = upstream.requests[-1]
    assert not set(elsewhere) & set(sent.body)
    assert "evil.test" not in str(sent.headers)
    assert org.key not in str(sent.headers), "the caller's own key stays here"


@pytest.mark.requirement("I5")
def test_the_same_idempotency_key_never_calls_the_model_twice(
    client: openai.OpenAI, api: httpx.Client, upstream: Upstream
) -> None:
    asked = len(upstream.requests)
    headers = {"Idempotency-Key": "nightly-1"}
    first = client.chat.completions.with_raw_response.create(model=MODEL, messages=ASK, extra_headers=headers)
    assert first.headers["x-testkase-hold"] == "~nightly-1"
    other: list[Any] = [{"role": "user", "content": "Something else, and longer."}]
    for messages in (ASK, other):
        with pytest.raises(openai.ConflictError) as refused:
            client.chat.completions.create(model=MODEL, messages=messages, extra_headers=headers)
        assert refused.value.code in ("already_called", "id_reused")
    assert len(upstream.requests) == asked + 1
    assert api.get("/holds/~nightly-1").json()["receipt"] == first.headers["x-testkase-receipt"]


def test_a_client_that_repeats_by_itself_does_not_repeat_a_conflict(
    base_url: str, org: Organization, upstream: Upstream
) -> None:
    headers = {"Idempotency-Key": "nightly-1"}
    with openai.OpenAI(base_url=f"{base_url}/openai/v1", api_key=org.key, max_retries=5) as client:
        client.chat.completions.create(model=MODEL, messages=ASK, extra_headers=headers)
        with pytest.raises(openai.ConflictError) as refused:
            client.chat.completions.create(model=MODEL, messages=ASK, extra_headers=headers)
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert refused.value.response.request.headers["x-stainless-retry-count"] == "0"
