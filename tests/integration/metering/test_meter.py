"""The meter on a real ledger and a scripted model: one interaction is one hold, one settlement, one row."""

import logging

import psycopg
import pytest

from testkase.core.ledger.credits import format_credits
from testkase.core.ledger.refusals import InsufficientCredits
from testkase.services.inference import ProviderError
from testkase.services.metering import AlreadyCalled, metered_id
from testkase.services.metering.metrics import ODD_USAGE
from tests.support.cluster import TestDatabase
from tests.support.metering import BODY, COST, TOKENS, Bench, ask, opened
from tests.support.programs import MODEL, Organization, Organizations
from tests.support.upstream import Reply, Upstream


@pytest.mark.requirement("P11", "P17")
async def test_an_interaction_of_several_calls_is_one_row_with_the_tokens_added_up(
    bench: Bench, org: Organization
) -> None:
    async with await opened(bench.meter(), org) as interaction:
        for _ in range(3):
            await ask(interaction)
    (row,) = bench.usage(org)
    assert (row.tokens.input, row.tokens.output, row.charged) == (3_000, 600, 3 * COST)
    assert interaction.settlement is not None
    assert (interaction.settlement.charged, interaction.settlement.receipt) == (3 * COST, row.seq)
    assert bench.balance(org).held == 0


@pytest.mark.requirement("B1", "P17")
async def test_calls_beyond_the_size_that_was_asked_for_extend_the_hold_or_are_refused(
    bench: Bench, organizations: Organizations, upstream: Upstream
) -> None:
    """elizaOS/eliza#11169: the hold was smaller than what the call may use."""
    poor = organizations.make("4")
    interaction = await opened(bench.meter(), poor, input_tokens=1, output_tokens=1)
    async with interaction:
        await ask(interaction)
        assert bench.balance(poor).held > interaction.hold.amount
        await ask(interaction)
        with pytest.raises(InsufficientCredits):
            await ask(interaction)
        asked = len(upstream.requests)
    assert asked == 2
    assert bench.usage(poor)[0].charged == 2 * COST


@pytest.mark.requirement("P17")
async def test_calls_of_the_size_that_was_asked_for_need_no_more_however_many_and_small_they_are(
    bench: Bench, organizations: Organizations
) -> None:
    """The charge is rounded up once, and so is what is held for it: a cent for each call would not be there."""
    meter = bench.meter()
    _, bounds = meter.clamp(MODEL, {**BODY, "max_tokens": 1})
    size = {"input_tokens": 7 * bounds.input_tokens, "output_tokens": 7 * bounds.output_tokens}
    each = meter.estimate(MODEL, input_tokens=bounds.input_tokens, output_tokens=bounds.output_tokens)
    all_together = meter.estimate(MODEL, **size)
    assert 7 * each > all_together
    poor = organizations.make(format_credits(all_together))
    async with await opened(meter, poor, **size) as interaction:
        for _ in range(7):
            async with interaction.call({**BODY, "max_tokens": 1}, stream=True) as call:
                assert [event async for event in call.events()]
            assert bench.balance(poor).held == all_together


@pytest.mark.requirement("P17")
async def test_a_call_that_did_not_fit_leaves_its_room_to_a_smaller_one(
    bench: Bench, organizations: Organizations, upstream: Upstream
) -> None:
    poor, long = organizations.make("3"), BODY | {"messages": [{"role": "user", "content": "x" * 20_000}]}
    async with await opened(bench.meter(), poor, input_tokens=1_000, output_tokens=1_000) as interaction:
        held = bench.balance(poor).held
        with pytest.raises(InsufficientCredits):
            async with interaction.call(long, stream=False):
                pass
        await ask(interaction)
        assert bench.balance(poor).held == held


@pytest.mark.requirement("B10")
async def test_what_a_feature_declares_useless_is_recorded_and_free(bench: Bench, org: Organization) -> None:
    async with await opened(bench.meter(), org) as interaction:
        await ask(interaction)
        interaction.fail()
    (row,) = bench.usage(org)
    assert (row.charged, row.outcome, row.tokens.output) == (0, "failed", 200)


async def test_a_call_that_failed_beside_one_that_worked_carries_no_tokens(
    bench: Bench, org: Organization, upstream: Upstream
) -> None:
    upstream.script(Reply(usage=TOKENS), Reply(status=500))
    async with await opened(bench.meter(), org) as interaction:
        await ask(interaction)
        with pytest.raises(ProviderError):
            await ask(interaction)
    (row,) = bench.usage(org)
    assert (row.charged, row.outcome, row.tokens.input) == (COST, "completed", 1_000)


@pytest.mark.requirement("P17", "P19")
async def test_figures_that_no_call_can_come_to_empty_no_balance_and_are_pointed_out_to_the_operator(
    bench: Bench, org: Organization, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    upstream.script(Reply(usage={"prompt_tokens": 900_000_000, "completion_tokens": 4, "total_tokens": 900_000_004}))
    seen = ODD_USAGE.labels(MODEL)._value.get()
    async with await opened(bench.meter(), org) as interaction:
        await ask(interaction)
    (row,) = bench.usage(org)
    assert (row.measurement, row.charged <= interaction.hold.amount) == ("estimated", True)
    assert ODD_USAGE.labels(MODEL)._value.get() == seen + 1
    assert f"model {MODEL}" in caplog.text
    assert "impossible_usage" in caplog.text


async def test_an_interaction_without_a_call_leaves_no_row(bench: Bench, org: Organization) -> None:
    async with await opened(bench.meter(), org):
        assert bench.balance(org).held > 0
    assert bench.usage(org) == []
    assert bench.balance(org).available == 300_000_000


async def test_a_bug_in_the_feature_does_not_cost_the_settlement(bench: Bench, org: Organization) -> None:
    async def feature() -> None:
        async with await opened(bench.meter(), org) as interaction:
            await ask(interaction)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await feature()
    assert bench.usage(org)[0].charged == COST


async def test_the_same_hold_id_never_calls_the_model_twice(
    bench: Bench, org: Organization, upstream: Upstream
) -> None:
    meter = bench.meter()
    async with await opened(meter, org, hold_id=metered_id("job-1")) as interaction:
        await ask(interaction)
    with pytest.raises(AlreadyCalled):
        await opened(meter, org, hold_id=metered_id("job-1"))
    assert len(upstream.requests) == 1


async def test_a_settlement_waits_for_a_database_that_is_away(
    bench: Bench, org: Organization, database: TestDatabase
) -> None:
    """An error does not mean that it did not happen: the settlement is repeated under the same id."""
    async with await opened(bench.meter(), org) as interaction:
        await ask(interaction)
        with psycopg.connect(database.owner_url, autocommit=True) as owner:
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'testkase-ledger'"
            )
    assert bench.usage(org)[0].charged == COST


@pytest.mark.requirement("P16")
async def test_no_prompt_reaches_the_ledger_or_the_log(
    bench: Bench, org: Organization, database: TestDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    canary = "canary-5f2e9c"
    body = BODY | {"messages": [{"role": "user", "content": canary}]}
    async with await opened(bench.meter(), org) as interaction, interaction.call(body, stream=False) as call:
        await call.read()
    assert canary not in caplog.text
    with psycopg.connect(database.owner_url) as owner:
        for table in ("entry", "usage", "open_hold", "account", "lot"):
            rows = owner.execute(f"SELECT string_agg(t::text, '') FROM ledger.{table} t").fetchone()
            assert canary not in str(rows)
