"""Estimates are told in steps of a charge: an average of charges is none, and stood on pages as "about 0.043333"."""

import pytest

from testkase.core.pricing import PriceBook, load_price_books
from testkase.foundation.clock import utc_now
from testkase.services.features.reports.estimate import estimate
from testkase.services.features.reports.model import Options
from testkase.services.inference import EMBEDDED_MODEL, ModelEntry
from testkase.services.metering.quality.typical import Past, expected_cost

pytestmark = pytest.mark.requirement("B9")


@pytest.fixture
def book() -> PriceBook:
    return load_price_books().at(utc_now())


def entry_of(model: str) -> ModelEntry:
    return ModelEntry(
        name=model, provider="p", upstream_model=model, context_window=8_192, max_output_tokens=2_048, no_training=True,
        zero_retention=True,
    )  # fmt: skip


def test_what_runs_cost_on_average_is_told_in_steps_of_a_charge(book: PriceBook) -> None:
    history = {("chat", EMBEDDED_MODEL): Past(interactions=3, cost=43_333, input=40, output=20)}
    assert expected_cost("chat", entry_of(EMBEDDED_MODEL), history, book).cost == 50_000


def test_the_range_of_a_report_without_a_past_is_told_in_steps_of_a_charge(book: PriceBook) -> None:
    for model in ("gpt-4o-mini", "gpt-4o"):
        told = estimate(Options(model=model, kinds=("optimisation",)), book, entry_of(model), {})
        assert told.low < told.likely < told.high
        assert {each % book.charge_increment for each in (told.low, told.likely, told.high)} == {0}
