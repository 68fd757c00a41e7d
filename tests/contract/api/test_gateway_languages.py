"""The gateway with models of every provider: OpenAI's client speaks to all of them, and every call is metered (B14)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from testkase.entrypoints.api.app import create_app
from testkase.services.inference.model import Kind
from tests.support.cluster import TestDatabase
from tests.support.programs import Organization, Organizations, api_settings, served
from tests.support.upstream import Reply, Upstream
from tests.support.wires import INPUT, OUTPUT, streamed, whole

MODELS: dict[Kind, str] = {"anthropic": "claude-haiku-4-5", "gemini": "gemini-2.5-flash", "azure": "gpt-5.4"}
ASK: list[Any] = [{"role": "user", "content": "Say hello."}]

pytestmark = pytest.mark.parametrize("kind", MODELS)


@pytest.fixture(scope="module")
def base_url(
    module_database: TestDatabase, upstream: Upstream, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """An application whose operator has named all of them."""
    file: Path = tmp_path_factory.mktemp("providers") / "providers.toml"
    file.write_text("".join(_provider(kind, model, upstream) for kind, model in MODELS.items()), encoding="utf-8")
    settings = api_settings(module_database, model_port=upstream.port, TESTKASE_PROVIDERS=str(file))
    with served(create_app(settings)) as url:
        yield url


def _provider(kind: Kind, model: str, upstream: Upstream) -> str:
    version = 'api_version = "2024-10-21"\n' if kind == "azure" else ""
    return (
        f'[[providers]]\nname = "{kind}"\nkind = "{kind}"\nbase_url = "{upstream.base_url}"\n{version}'
        "no_training = true\nzero_retention = true\n"
        f'[[providers.models]]\nname = "{model}"\ncontext_window = 100000\nmax_output_tokens = 4096\n'
    )


@pytest.fixture
def client(base_url: str, org: Organization) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{base_url}/openai/v1", api_key=org.key, max_retries=0) as made:
        yield made


def usage(api: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/usage?limit=1").json()["items"][0]
    return found


@pytest.mark.requirement("B14", "P17", "P19")
def test_a_completion_is_answered_and_charged(
    client: openai.OpenAI, api: httpx.Client, upstream: Upstream, kind: Kind
) -> None:
    upstream.script(whole(kind))
    answer = client.chat.completions.create(model=MODELS[kind], messages=ASK)
    assert (answer.choices[0].message.content, answer.choices[0].finish_reason) == ("Hello from there", "stop")
    row = usage(api)
    assert (row["model"], row["measurement"], row["usage"]) == (
        MODELS[kind], "exact", {"input_tokens": INPUT, "output_tokens": OUTPUT},
    )  # fmt: skip


@pytest.mark.requirement("B14", "P17")
def test_a_stream_is_passed_on_and_charged(
    client: openai.OpenAI, api: httpx.Client, upstream: Upstream, kind: Kind
) -> None:
    upstream.script(streamed(kind))
    options: Any = {"include_usage": True}
    chunks = list(client.chat.completions.create(model=MODELS[kind], messages=ASK, stream=True, stream_options=options))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == "Hello from there"
    assert chunks[-1].usage is not None
    assert (chunks[-1].usage.prompt_tokens, chunks[-1].usage.completion_tokens) == (INPUT, OUTPUT)
    assert usage(api)["outcome"] == "completed"


def test_what_it_cannot_do_is_refused_in_openais_shape(
    client: openai.OpenAI, api: httpx.Client, upstream: Upstream, kind: Kind
) -> None:
    asked = len(upstream.requests)
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODELS[kind], messages=ASK, n=2)
    assert refused.value.param == "n"
    assert len(upstream.requests) == asked
    assert api.get("/balance").json()["available"] == "300.00"


CANNOT: dict[Kind, dict[str, Any]] = {
    "anthropic": {"seed": 7}, "gemini": {"logprobs": True}, "azure": {"modalities": ["audio"]},
}  # fmt: skip


@pytest.mark.requirement("I6")
def test_what_cannot_be_translated_is_refused_without_an_entry(
    client: openai.OpenAI, org: Organization, organizations: Organizations, kind: Kind
) -> None:
    """The credits were held, and then given back."""
    entries = "SELECT count(*) AS n FROM ledger.entry"
    before, (wish,) = organizations.rows(org.org_id, entries), CANNOT[kind].items()
    with pytest.raises(openai.BadRequestError) as refused:
        client.chat.completions.create(model=MODELS[kind], messages=ASK, extra_body=dict([wish]))
    assert refused.value.param == wish[0]
    assert organizations.rows(org.org_id, entries) == before


@pytest.mark.requirement("B10")
def test_its_failure_costs_nothing(client: openai.OpenAI, api: httpx.Client, upstream: Upstream, kind: Kind) -> None:
    upstream.script(Reply(status=503))
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(model=MODELS[kind], messages=ASK)
    assert (usage(api)["charged"], usage(api)["outcome"]) == ("0.00", "failed")


BROKEN: dict[Kind, bytes] = {
    "anthropic": b'{"content": [{"type": "text", "text": "Hello."}], "stop_reason": ["end_turn"]}',
    "gemini": b'{"candidates": [{"content": {"parts": [{"text": "Hello."}]}, "finishReason": ["STOP"]}]}',
    "azure": b'{"choices": {"message": "Hello."}}',
}


@pytest.mark.requirement("P17", "B10")
def test_an_answer_that_is_none_is_the_providers_fault_and_costs_nothing(
    client: openai.OpenAI, api: httpx.Client, upstream: Upstream, kind: Kind
) -> None:
    """It was a fault of ours, or its text was charged though the caller got the error."""
    upstream.script(Reply(raw_body=BROKEN[kind]), Reply(raw_events=(BROKEN[kind].decode(),)))
    for stream in (False, True):
        with pytest.raises(openai.APIError) as failed:
            list(client.chat.completions.create(model=MODELS[kind], messages=ASK, stream=stream))
        assert failed.value.code == ("provider_cut" if stream else "provider_error")
        assert stream or (usage(api)["charged"], usage(api)["outcome"]) == ("0.00", "failed")
    assert api.get("/balance").json()["held"] == "0.00"
