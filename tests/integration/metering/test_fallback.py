"""When a provider fails before output, another model answers: never a dearer one, never once something was said."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from testkase.core.ledger.terms import Tokens, price
from testkase.core.pricing import PriceBooks
from testkase.foundation.database import Database
from testkase.foundation.problems import InvalidInput
from testkase.services.inference import Catalog, ModelEntry, Provider, ProviderError, StreamCut, Timeouts
from testkase.services.inference.model import Kind
from testkase.services.metering import Interaction, Meter
from testkase.services.metering.attempts import failures_of
from tests.support.cluster import TestDatabase
from tests.support.metering import SUBJECT, TOKENS, Bench
from tests.support.programs import Organization, Organizations
from tests.support.upstream import Reply, Upstream, scripted_upstream
from tests.support.wires import INPUT, OUTPUT, Said, streamed, whole

DEAR, CHEAP, DEARER = "claude-sonnet-4-6", "claude-haiku-4-5", "claude-opus-4-8"
BODY: dict[str, Any] = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1000}


@pytest.fixture
def spare() -> Iterator[Upstream]:
    with scripted_upstream(Reply(usage=TOKENS)) as running:
        yield running


class Desk:
    """A dear model with a cheap one to fall back to, each behind a provider of its own."""

    def __init__(
        self, bench: Bench, database: Database, upstream: Upstream, spare: Upstream, *, silence: float = 5
    ) -> None:
        self.bench, self.database = bench, database
        self.upstream, self.spare = upstream, spare
        self.silence = silence
        self.made: list[Catalog] = []

    def meter(self, *fallback: str, kind: Kind = "openai") -> Meter:
        catalog = Catalog([
            self._provider("first", self.upstream, (DEAR, fallback), kind="openai"),
            self._provider("second", self.spare, *((name, ()) for name in (CHEAP, DEARER)), kind=kind),
        ])  # fmt: skip
        self.made.append(catalog)
        return Meter(self.bench.engine, self.bench.books, catalog, database=self.database)

    def _provider(
        self, name: str, upstream: Upstream, *models: tuple[str, tuple[str, ...]], kind: Kind
    ) -> tuple[Provider, tuple[ModelEntry, ...]]:
        private: dict[str, Any] = {"no_training": True, "zero_retention": True, "kind": kind}
        entries = tuple(
            ModelEntry(
                name=model, provider=name, upstream_model=model, context_window=100_000, max_output_tokens=8_192,
                fallback=fallback, **private,
            )
            for model, fallback in models
        )  # fmt: skip
        timeouts = Timeouts(connect=1, read=self.silence)
        return Provider(name=name, base_url=upstream.base_url, timeouts=timeouts, **private), entries

    def price(self, model: str, tokens: Tokens) -> int:
        return price(self.bench.books.books[0].terms(model), tokens)


@pytest.fixture
async def desk(bench: Bench, database: TestDatabase, upstream: Upstream, spare: Upstream) -> AsyncIterator[Desk]:
    pool = Database(database.app_url)
    await pool.open()
    made = Desk(bench, pool, upstream, spare)
    yield made
    for catalog in made.made:
        await catalog.close()
    await pool.close()


async def opened(meter: Meter, org: Organization) -> Interaction:
    return await meter.open(org.org_id, SUBJECT, model=DEAR, input_tokens=5_000, output_tokens=2_000)


async def ask(interaction: Interaction, *, stream: bool = True) -> list[bytes]:
    async with interaction.call(BODY, stream=stream) as call:
        return [event async for event in call.events()] if stream else [await call.read()]


FAILURES: dict[str, Reply] = {
    "overloaded": Reply(status=529),
    "too many": Reply(status=429),
    "operator's key": Reply(status=401),
    "cut at once": Reply(cut_after=0),
    "broken at once": Reply(cut_after=0, cut="broken"),
    "an error in the stream": Reply(cut_after=0, error={"error": {"message": "overloaded"}}),
    "cut before any text": Reply(
        raw_events=('{"id": "1", "choices": [{"index": 0, "delta": {"role": "assistant"}}]}',)
    ),
}


@pytest.mark.requirement("B10", "P17")
@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("stream", [True, False])
async def test_a_cheaper_model_answers_and_is_charged_at_its_own_rates(
    desk: Desk, org: Organization, failure: Reply, stream: bool
) -> None:
    if not stream and failure.raw_events:
        failure = Reply(raw_body=b"{}")
    desk.upstream.script(failure)
    async with await opened(desk.meter(CHEAP), org) as interaction:
        answer = b"".join(await ask(interaction, stream=stream))
    assert b"upstream" in answer
    assert b"chatcmpl" in answer
    used = Tokens(input=1_000, output=200)
    (row,) = desk.bench.usage(org)
    assert (row.model, row.charged, row.outcome) == (CHEAP, desk.price(CHEAP, used), "completed")
    assert row.charged < desk.price(DEAR, used)
    assert desk.bench.balance(org).held == 0
    assert (len(desk.upstream.requests), len(desk.spare.requests)) == (1, 1)


async def test_each_attempt_is_kept_as_metadata(desk: Desk, org: Organization, organizations: Organizations) -> None:
    desk.upstream.script(Reply(status=503, error={"error": {"message": "canary words of the provider"}}))
    async with await opened(desk.meter(CHEAP), org) as interaction:
        await ask(interaction)
    (kept,) = organizations.run(org.org_id, failures_of(org.org_id, interaction.hold.hold_id))
    assert (kept.model, kept.provider, kept.code, kept.status) == (DEAR, "first", "provider_error", 503)


@pytest.mark.requirement("P17")
async def test_a_dearer_model_is_never_asked(desk: Desk, org: Organization) -> None:
    desk.upstream.script(Reply(status=503))
    async with await opened(desk.meter(DEARER), org) as interaction:
        with pytest.raises(ProviderError):
            await ask(interaction)
    (row,) = desk.bench.usage(org)
    assert (row.charged, row.outcome, row.model) == (0, "failed", DEAR)
    assert desk.spare.requests == []


@pytest.mark.requirement("B10")
async def test_where_all_fail_it_is_free(desk: Desk, org: Organization, organizations: Organizations) -> None:
    desk.upstream.script(Reply(status=503))
    desk.spare.script(Reply(status=500))
    async with await opened(desk.meter(DEARER, CHEAP), org) as interaction:
        with pytest.raises(ProviderError, match="second failed"):
            await ask(interaction)
    (row,) = desk.bench.usage(org)
    assert (row.charged, row.outcome) == (0, "failed")
    assert len(organizations.run(org.org_id, failures_of(org.org_id, interaction.hold.hold_id))) == 1


async def test_nothing_is_asked_again_once_something_was_said(desk: Desk, org: Organization) -> None:
    desk.upstream.script(Reply(cut_after=2))
    async with await opened(desk.meter(CHEAP), org) as interaction:
        with pytest.raises(StreamCut):
            await ask(interaction)
    (row,) = desk.bench.usage(org)
    assert (row.model, row.outcome, row.measurement) == (DEAR, "cancelled", "partial")
    assert desk.spare.requests == []


async def test_a_request_that_was_refused_is_not_taken_elsewhere(desk: Desk, org: Organization) -> None:
    desk.upstream.script(Reply(status=400))
    async with await opened(desk.meter(CHEAP), org) as interaction:
        with pytest.raises(ProviderError):
            await ask(interaction)
    assert desk.spare.requests == []


async def test_a_silent_provider_is_left_for_another(desk: Desk, org: Organization) -> None:
    desk.silence = 0.1
    desk.upstream.script(Reply(delay_headers=5))
    async with await opened(desk.meter(CHEAP), org) as interaction:
        await ask(interaction)
    assert desk.bench.usage(org)[0].model == CHEAP


async def test_the_next_call_goes_to_the_model_that_answered(desk: Desk, org: Organization) -> None:
    desk.upstream.script(Reply(status=503))
    async with await opened(desk.meter(CHEAP), org) as interaction:
        await ask(interaction)
        await ask(interaction)
    assert (len(desk.upstream.requests), len(desk.spare.requests)) == (1, 2)
    (row,) = desk.bench.usage(org)
    assert (row.model, row.charged) == (CHEAP, desk.price(CHEAP, Tokens(input=2_000, output=400)))


async def test_answers_of_different_models_are_charged_at_the_terms_of_the_hold(desk: Desk, org: Organization) -> None:
    desk.upstream.script(Reply(usage=TOKENS), Reply(status=503))
    async with await opened(desk.meter(CHEAP), org) as interaction:
        await ask(interaction)
        await ask(interaction)
    (row,) = desk.bench.usage(org)
    assert (row.model, row.charged) == (DEAR, desk.price(DEAR, Tokens(input=2_000, output=400)))


@pytest.mark.parametrize("kind", ["anthropic", "gemini"])
async def test_the_other_model_may_speak_another_language(desk: Desk, org: Organization, kind: Kind) -> None:
    desk.upstream.script(Reply(status=503), Reply(status=503))
    desk.spare.script(streamed(kind), whole(kind, Said(usage=True)))
    meter = desk.meter(CHEAP, kind=kind)
    for stream in (True, False):
        async with await opened(meter, org) as interaction:
            assert b"Hello" in b"".join(await ask(interaction, stream=stream))
    charged = desk.price(CHEAP, Tokens(input=INPUT, output=OUTPUT))
    assert [(row.model, row.charged) for row in desk.bench.usage(org)] == [(CHEAP, charged)] * 2


CALLED = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "[" * 300 + "]" * 300}}


@pytest.mark.parametrize(
    "wish",
    [{"logprobs": True}, {"messages": [*BODY["messages"], {"role": "assistant", "tool_calls": [CALLED]}]}],
    ids=("a field", "a call"),
)
async def test_a_model_that_cannot_do_what_is_asked_is_passed_over(
    desk: Desk, org: Organization, wish: dict[str, Any]
) -> None:
    desk.upstream.script(Reply(status=503))
    body = {**BODY, **wish}
    async with await opened(desk.meter(CHEAP, kind="anthropic"), org) as interaction:
        with pytest.raises(ProviderError):
            async with interaction.call(body, stream=False) as call:
                await call.read()
    assert desk.spare.requests == []


async def test_a_request_that_cannot_be_translated_releases_its_hold(desk: Desk, org: Organization) -> None:
    meter = desk.meter(kind="anthropic")
    interaction = await meter.open(org.org_id, SUBJECT, model=CHEAP, input_tokens=5_000, output_tokens=2_000)
    async with interaction:
        with pytest.raises(InvalidInput, match="logprobs"):
            async with interaction.call({**BODY, "logprobs": True}, stream=False):
                pass
    assert desk.bench.usage(org) == []
    assert desk.bench.balance(org).held == 0


def test_every_price_of_the_books_can_be_compared(price_books: PriceBooks) -> None:
    """The models these tests take for dear and cheap are so."""
    book = price_books.books[0]
    used = Tokens(input=1_000, output=200)
    prices = [price(book.terms(model), used) for model in (CHEAP, DEAR, DEARER)]
    assert prices == sorted(prices)
