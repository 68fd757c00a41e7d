"""The pages on which calls in flight stand: what is read of them after the process is gone."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from testkase.core.ledger.engine import Engine
from testkase.core.ledger.model import Subject
from testkase.core.ledger.terms import Rates, Terms, Tokens
from testkase.services.metering.logbook.keeping import OLD_SECONDS, Keeper, charge_for
from testkase.services.metering.logbook.pages import PAGES, Delivered, Pages, read
from testkase.services.metering.request import Bounds
from testkase.services.metering.settle import OpenedHold

RATES = Rates(above_input_tokens=0, input=1, cached_input=1, cache_write=1, output=1, reasoning=1)
TERMS = Terms(rate_card="2026-11-01", model="m", tiers=(RATES,), charge_increment=10_000)
HOLD = OpenedHold(
    org_id=7, hold_id="~call_1", amount=9, subject=Subject(use_case="chat", user="ä@example.com"), terms=TERMS
)
BOUNDS = Bounds(input_tokens=100, output_tokens=50)


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    pages = Pages.create(tmp_path)
    yield pages
    pages.close()


def left_in(pages: Pages) -> list[Delivered]:
    descriptor = os.open(pages.path, os.O_RDONLY)
    try:
        return list(read(descriptor))
    finally:
        os.close(descriptor)


@pytest.mark.requirement("P17")
def test_the_latest_note_of_every_call_is_read_back(pages: Pages) -> None:
    for count in range(1, 4):
        page = pages.take(HOLD, count)
        assert page is not None
        page.describe(BOUNDS, None)
        for output in range(count + 1):
            page.note(Tokens(input=10, output=output), "partial")
    left = left_in(pages)
    assert {one.about.opened_seq: one.tokens.output for one in left} == {1: 1, 2: 2, 3: 3}
    assert left[0].about.hold == HOLD


def test_a_settled_call_leaves_nothing(pages: Pages) -> None:
    page = pages.take(HOLD, 1)
    assert page is not None
    page.describe(BOUNDS, None)
    page.free()
    assert left_in(pages) == []


def test_a_call_that_was_never_sent_leaves_nothing(pages: Pages) -> None:
    assert pages.take(HOLD, 1)
    assert left_in(pages) == []


def test_another_model_that_is_asked_begins_anew_under_its_own_terms(pages: Pages) -> None:
    page = pages.take(HOLD, 1)
    assert page is not None
    page.describe(BOUNDS, None)
    page.note(Tokens(output=9), "partial")
    page.describe(BOUNDS, TERMS)
    (left,) = left_in(pages)
    assert (left.tokens, left.about.terms) == (Tokens(), TERMS)


def test_a_full_logbook_and_a_description_too_long_for_a_page_are_left_out(pages: Pages) -> None:
    long = OpenedHold(
        org_id=7, hold_id="~long", amount=9, subject=Subject(use_case="chat", user="x" * 5_000), terms=TERMS
    )
    page = pages.take(long, 1)
    assert page is not None
    assert not page.describe(BOUNDS, None)
    assert left_in(pages) == []
    taken = [pages.take(HOLD, 1) for _ in range(PAGES)]
    assert taken[-2] is not None
    assert taken[-1] is None


def test_nobody_else_finds_anything_to_read_in_a_file_that_is_no_logbook(tmp_path: Path) -> None:
    other = tmp_path / "other.calls"
    other.write_bytes(b"\x01" * 100)
    descriptor = os.open(other, os.O_RDONLY)
    assert list(read(descriptor)) == []
    os.close(descriptor)


@pytest.mark.requirement("P17")
@pytest.mark.parametrize(
    ("tokens", "measurement", "outcome", "charged"),
    [
        (Tokens(), "partial", "failed", Tokens()),
        (Tokens(input=20, output=5), "partial", "cancelled", Tokens(input=20, output=5)),
        (Tokens(input=200, output=90), "partial", "cancelled", Tokens(input=100, output=50)),
        (Tokens(input=200, output=90), "exact", "cancelled", Tokens(input=200, output=90)),
    ],
)
def test_it_is_charged_as_if_the_client_had_left(
    pages: Pages, tokens: Tokens, measurement: str, outcome: str, charged: Tokens
) -> None:
    page = pages.take(HOLD, 1)
    assert page is not None
    page.describe(BOUNDS, None)
    page.note(tokens, measurement)  # type: ignore[arg-type]
    (left,) = left_in(pages)
    charge = charge_for(left)
    assert (charge.outcome, charge.tokens) == (outcome, charged)


@pytest.mark.parametrize(("age_seconds", "stays"), [(0, True), (OLD_SECONDS + 60, False)])
async def test_a_file_of_a_process_that_was_killed_while_it_made_it_goes(
    tmp_path: Path, age_seconds: float, stays: bool
) -> None:
    young = tmp_path / "process_1.new"
    young.write_bytes(b"")
    os.utime(young, (time.time() - age_seconds,) * 2)
    assert await Keeper(cast(Engine, None), tmp_path).settle_the_dead() == 0
    assert young.exists() == stays
