"""What a killed process had delivered is charged by whoever comes after it, once, and its hold goes at once."""

import asyncio
import fcntl
import os
from pathlib import Path

import pytest

from testkase.core.ledger.commands import Command, SwitchAi
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.operations import Answer, execute_one
from testkase.core.ledger.terms import Tokens
from testkase.foundation.problems import Unavailable
from testkase.services.metering import Interaction, Meter, Policy
from testkase.services.metering.logbook import Keeper
from testkase.services.metering.logbook.pages import Pages
from testkase.services.metering.request import Bounds
from tests.support.metering import BODY, COST, Bench, ask, opened
from tests.support.programs import Organization, Organizations

BOUNDS = Bounds(input_tokens=5_000, output_tokens=2_000)


async def killed(bench: Bench, org: Organization, folder: Path, tokens: Tokens) -> Interaction:
    """A call whose process ends after so much was delivered, leaving its hold and its page."""
    interaction = await opened(bench.meter(), org)
    pages = Pages.create(folder)
    balance = bench.balance(org)
    assert balance.held
    page = pages.take(interaction.hold, 2)
    assert page is not None
    page.describe(BOUNDS, None)
    page.note(tokens, "partial")
    pages.close()
    return interaction


@pytest.mark.requirement("P17", "B1")
async def test_what_a_killed_process_delivered_is_charged_once(
    bench: Bench, engine: Engine, org: Organization, tmp_path: Path
) -> None:
    await killed(bench, org, tmp_path, Tokens(input=1_000, output=200))
    keeper = Keeper(engine, tmp_path)
    assert await keeper.settle_the_dead() == 1
    assert await keeper.settle_the_dead() == 0
    (row,) = bench.usage(org)
    assert (row.charged, row.outcome, row.measurement) == (500_000, "cancelled", "partial")
    assert bench.balance(org).held == 0
    assert list(tmp_path.glob("*")) == []


@pytest.mark.requirement("P17")
async def test_a_call_that_had_delivered_nothing_costs_nothing(
    bench: Bench, engine: Engine, org: Organization, tmp_path: Path
) -> None:
    await killed(bench, org, tmp_path, Tokens())
    await Keeper(engine, tmp_path).settle_the_dead()
    (row,) = bench.usage(org)
    assert (row.charged, row.outcome) == (0, "failed")
    assert bench.balance(org).held == 0


@pytest.mark.requirement("R60", "I14")
async def test_nothing_is_charged_where_ai_was_switched_off_since(
    bench: Bench, engine: Engine, org: Organization, organizations: Organizations, tmp_path: Path
) -> None:
    await killed(bench, org, tmp_path, Tokens(input=1_000, output=200))
    organizations.run(org.org_id, execute_one(SwitchAi(org_id=org.org_id, switch_id="off", enabled=False)))
    await Keeper(engine, tmp_path).settle_the_dead()
    assert bench.usage(org) == []
    assert bench.balance(org).available == 300_000_000


@pytest.mark.requirement("I7")
async def test_a_call_that_was_settled_before_its_process_died_is_not_charged_again(
    bench: Bench, engine: Engine, org: Organization, tmp_path: Path
) -> None:
    interaction = await killed(bench, org, tmp_path, Tokens(input=1_000, output=150))
    async with interaction:
        await ask(interaction)
    await Keeper(engine, tmp_path).settle_the_dead()
    (row,) = bench.usage(org)
    assert row.charged == 500_000


async def test_the_calls_of_a_process_that_lives_are_left_to_it(
    bench: Bench, engine: Engine, org: Organization, tmp_path: Path
) -> None:
    keeper = Keeper(engine, tmp_path)
    keeper.open()
    interaction = await opened(bench.meter(), org)
    page = keeper.take(interaction.hold, 2)
    assert page is not None
    page.describe(BOUNDS, None)
    assert await Keeper(engine, tmp_path).settle_the_dead() == 0
    await interaction.close()
    page.free()
    await keeper.close()
    assert list(tmp_path.glob("*")) == []


async def test_a_file_that_somebody_else_settles_is_left_to_them(
    bench: Bench, engine: Engine, org: Organization, tmp_path: Path
) -> None:
    await killed(bench, org, tmp_path, Tokens(input=1_000, output=200))
    (path,) = tmp_path.glob("*.calls")
    descriptor = os.open(path, os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert await Keeper(engine, tmp_path).settle_the_dead() == 0
    os.close(descriptor)
    assert await Keeper(engine, tmp_path).settle_the_dead() == 1


async def test_where_nothing_can_be_written_calls_go_on_without_a_logbook(
    engine: Engine, bench: Bench, org: Organization, tmp_path: Path
) -> None:
    keeper = Keeper(engine, tmp_path / "missing" / "calls")
    keeper.open()
    async with await opened(bench.meter(), org) as interaction:
        assert keeper.take(interaction.hold, 2) is None
    await keeper.close()


async def _away(_command: Command) -> Answer:
    raise Unavailable("The database is away.")


def patient(bench: Bench, keeper: Keeper) -> Meter:
    return Meter(bench.engine, bench.books, bench.catalog, policy=Policy(settle_patience_seconds=0.2), keeper=keeper)


@pytest.mark.requirement("P17", "B1")
async def test_an_answer_in_one_piece_is_charged_too_where_the_process_ends_before_the_ledger_was_told(
    bench: Bench, engine: Engine, org: Organization, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = Keeper(engine, tmp_path)
    keeper.open()
    interaction = await opened(patient(bench, keeper), org)
    async with interaction.call(BODY, stream=False) as call:
        assert await call.read()
    monkeypatch.setattr(engine, "submit", _away)
    assert not (await interaction.close()).told
    await keeper.close()
    monkeypatch.undo()
    assert await Keeper(engine, tmp_path).settle_the_dead() == 1
    (row,) = bench.usage(org)
    assert (row.charged, row.measurement) == (COST, "exact")


@pytest.mark.requirement("B10")
async def test_what_was_of_no_use_stays_free_where_the_process_ends_before_the_ledger_was_told(
    bench: Bench, engine: Engine, org: Organization, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = Keeper(engine, tmp_path)
    keeper.open()
    interaction = await opened(patient(bench, keeper), org)
    await ask(interaction)
    interaction.fail()
    monkeypatch.setattr(engine, "submit", _away)
    await interaction.close()
    await keeper.close()
    monkeypatch.undo()
    await Keeper(engine, tmp_path).settle_the_dead()
    (row,) = bench.usage(org)
    assert (row.charged, row.outcome) == (0, "failed")


@pytest.mark.requirement("B1")
async def test_an_interaction_that_ends_after_the_logbook_was_closed_is_settled_all_the_same(
    bench: Bench, engine: Engine, org: Organization, tmp_path: Path
) -> None:
    keeper = Keeper(engine, tmp_path)
    keeper.open()
    interaction = await opened(patient(bench, keeper), org)
    await ask(interaction)
    await keeper.close()
    settlement = await asyncio.wait_for(interaction.close(), 10)
    assert (settlement.told, settlement.charged) == (True, COST)
