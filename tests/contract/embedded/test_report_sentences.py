"""The embedded model's sentences in a report: words only, begun by us. One call for each kind; each takes a second."""

import json
from collections.abc import AsyncIterator

import httpx
import pytest

from testkase.services.features.reports.facts.computing import compute
from testkase.services.features.reports.model import KINDS, Kind
from testkase.services.features.reports.narrative.prompting import SMALL_OUTPUT_TOKENS, STARTS, small_request
from testkase.services.inference import EMBEDDED_MODEL, Catalog, input_token_bound
from testkase.services.inference.embedded import embedded_provider
from tests.contract.embedded.conftest import KEY, ModelServer
from tests.support.past import made_up

pytestmark = pytest.mark.embedded_model


@pytest.fixture
async def catalog(model_server: ModelServer) -> AsyncIterator[Catalog]:
    made = Catalog([embedded_provider(model_server.port, KEY)])
    yield made
    await made.close()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_sentence_is_valid_by_construction_and_has_no_digit(catalog: Catalog, kind: Kind) -> None:
    facts = compute(kind, made_up(4))
    body = small_request(1, facts, 0, 0)
    async with catalog.open(EMBEDDED_MODEL, body, stream=False) as call:
        answer = httpx.Response(200, content=await call.read()).json()["choices"][0]["message"]["content"]
    text = json.loads(answer)["text"]
    assert text.startswith(STARTS[kind][0])
    assert not any(letter.isdigit() for letter in text)
    tokens = call.result().tokens
    assert tokens.output < SMALL_OUTPUT_TOKENS
    assert tokens.input + tokens.cached_input <= input_token_bound(body)
