"""The settlement table, row by row."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkase.core.ledger.terms import Rates, Terms, Tokens, price, price_ceiling
from testkase.services.inference import CallResult
from testkase.services.inference.embedded import embedded_provider
from testkase.services.metering.charge import Charge, charge_for_all, charge_for_call, within
from testkase.services.metering.request import Bounds, clamp

BOUNDS = Bounds(input_tokens=1_000, output_tokens=500)
USED = Tokens(input=80, output=40)


def ended(**facts: Any) -> CallResult:
    """A call that finished with usage, unless said otherwise."""
    defaults: dict[str, Any] = {
        "tokens": USED, "measurement": "exact", "outcome": "completed", "finished": True, "delivered_text_bytes": 160,
    }  # fmt: skip
    return CallResult(**defaults | facts)


ROWS: list[tuple[str, CallResult, bool, Charge]] = [
    ("finished with usage", ended(), False, Charge(tokens=USED, outcome="completed", measurement="exact")),
    ("finished without usage", ended(measurement="estimated"), False,
     Charge(tokens=USED, outcome="completed", measurement="estimated")),
    ("the client left, read to the end", ended(), True, Charge(tokens=USED, outcome="cancelled", measurement="exact")),
    ("the client left, cut off", ended(measurement="partial", outcome="cancelled", finished=False), True,
     Charge(tokens=USED, outcome="cancelled", measurement="partial")),
    ("the client left before any output, cut off",
     ended(measurement="partial", outcome="cancelled", finished=False, delivered_text_bytes=0,
           tokens=Tokens(input=80)), True,
     Charge(tokens=Tokens(input=80), outcome="cancelled", measurement="partial")),
    ("the provider died after output", ended(measurement="partial", outcome="cancelled", finished=False), False,
     Charge(tokens=USED, outcome="cancelled", measurement="partial")),
    ("the provider died before output",
     ended(measurement="partial", outcome="failed", finished=False, delivered_text_bytes=0, tokens=Tokens()), False,
     Charge(tokens=Tokens(), outcome="failed", measurement="partial")),
    ("the provider refused", ended(measurement="partial", outcome="refused", finished=False), False,
     Charge(tokens=Tokens(), outcome="refused", measurement="partial")),
    ("nothing was received in time",
     ended(measurement="partial", outcome="cancelled", finished=False, delivered_text_bytes=0,
           tokens=Tokens(input=80)), False,
     Charge(tokens=Tokens(), outcome="failed", measurement="partial")),
    ("finished without anything in it", ended(outcome="failed", delivered_text_bytes=0), False,
     Charge(tokens=Tokens(), outcome="failed", measurement="exact")),
]  # fmt: skip


@pytest.mark.requirement("P17")
@pytest.mark.parametrize(("what", "result", "left", "charge"), ROWS, ids=[row[0] for row in ROWS])
def test_every_ending_has_its_row(what: str, result: CallResult, left: bool, charge: Charge) -> None:
    assert charge_for_call(result, BOUNDS, reader_left=left) == charge, what


counts = st.integers(0, 10**7)
rate = st.integers(0, 10**9)
rates = st.builds(
    Rates, above_input_tokens=st.just(0), input=rate, cached_input=rate, cache_write=rate, output=rate, reasoning=rate
)


@pytest.mark.requirement("P17", "I7")
@given(
    tokens=st.builds(Tokens, input=counts, cached_input=counts, cache_write=counts, output=counts, reasoning=counts),
    bounds=st.builds(Bounds, input_tokens=counts, output_tokens=counts),
    measurement=st.sampled_from(["partial", "estimated"]),
    rates_now=rates,
)
def test_an_estimate_never_exceeds_the_hold(tokens: Tokens, bounds: Bounds, measurement: Any, rates_now: Rates) -> None:
    """elizaOS/eliza#22681 and the rest: no figure of our own may cost more than was admitted."""
    terms = Terms(rate_card="t", model="m", tiers=(rates_now,), charge_increment=10_000)
    result = ended(tokens=tokens, measurement=measurement)
    charge = charge_for_call(result, bounds, reader_left=False)
    held = price_ceiling(terms, input_tokens=bounds.input_tokens, output_tokens=bounds.output_tokens)
    assert 0 <= price(terms, charge.tokens) <= held


def test_several_calls_add_up_and_the_least_certain_measurement_counts() -> None:
    exact = Charge(tokens=USED, outcome="completed", measurement="exact")
    partial = Charge(tokens=USED, outcome="cancelled", measurement="partial")
    failed = Charge(tokens=Tokens(), outcome="failed", measurement="partial")
    assert charge_for_all([exact, partial, failed]) == Charge(
        tokens=Tokens(input=160, output=80), outcome="completed", measurement="partial"
    )
    assert charge_for_all([exact, failed]).measurement == "exact"
    assert charge_for_all([failed, failed]).outcome == "failed"


@pytest.mark.requirement("P17", "P19")
def test_of_several_calls_every_bucket_adds_up_and_the_terms_are_the_holds_unless_one_model_answered_all() -> None:
    tokens = Tokens(input=1, cached_input=2, cache_write=3, output=4, reasoning=5)
    done = Charge(tokens=tokens, outcome="completed", measurement="exact")
    one, other = (
        replace(done, terms=Terms(rate_card="t", model=model, tiers=(), charge_increment=10_000)) for model in "ab"
    )
    twice = Tokens(input=2, cached_input=4, cache_write=6, output=8, reasoning=10)
    assert [charge_for_all(calls).tokens for calls in ([one, one], [one, other])] == [twice, twice]
    assert [charge_for_all(calls).terms for calls in ([one, one], [one, other])] == [one.terms, None]


@pytest.mark.requirement("P17", "P19")
def test_an_estimate_within_its_bounds_is_as_it_was_in_every_bucket() -> None:
    tokens = Tokens(input=1, cached_input=2, cache_write=3, output=4, reasoning=5)
    assert within(tokens, BOUNDS) == tokens


@pytest.mark.requirement("P17")
@given(wanted=st.integers(1, 10**12), choices=st.integers(1, 1), text=st.text())
def test_the_body_that_is_sent_obeys_its_bounds(wanted: int, choices: int, text: str) -> None:
    model = embedded_provider(1, "key")[1][0]
    body = {"messages": [{"role": "user", "content": text}], "max_completion_tokens": wanted, "n": choices}
    clamped, bounds = clamp(body, model)
    assert clamped["max_tokens"] * choices == bounds.output_tokens <= model.max_output_tokens
    assert "max_completion_tokens" not in clamped
    assert len(text.encode()) <= bounds.input_tokens <= model.context_window or bounds.input_tokens == 8192
