"""From tokens to credits: exact fractions say what the integers must be."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkase.core.ledger.terms import Rates, Terms, Tokens, price, price_ceiling, rates_for

BUCKETS = ("input", "cached_input", "cache_write", "output", "reasoning")
counts = st.integers(0, 2_000_000)
rates = st.one_of(st.just(0), st.integers(1, 10**10))
increments = st.sampled_from([1, 100, 10_000, 1_000_000])


@st.composite
def any_tokens(draw: st.DrawFn, largest: int = 2_000_000) -> Tokens:
    return Tokens(**{bucket: draw(st.integers(0, largest)) for bucket in BUCKETS})


@st.composite
def any_terms(draw: st.DrawFn) -> Terms:
    starts = [0, *sorted(draw(st.sets(st.sampled_from([1, 1_000, 100_000, 272_000, 1_000_000]), max_size=3)))]
    tiers = tuple(Rates(above_input_tokens=start, **{bucket: draw(rates) for bucket in BUCKETS}) for start in starts)
    return Terms(rate_card="2026-11-01", model="any", tiers=tiers, charge_increment=draw(increments))


def exact(terms: Terms, tokens: Tokens) -> Fraction:
    """Micro-credits without any rounding, tier chosen by hand."""
    prompt = tokens.input + tokens.cached_input + tokens.cache_write
    tier = max((t for t in terms.tiers if t.above_input_tokens == 0 or t.above_input_tokens < prompt),
               key=lambda t: t.above_input_tokens)  # fmt: skip
    return sum((Fraction(getattr(tokens, b) * getattr(tier, b), 1_000_000) for b in BUCKETS), Fraction(0))


@pytest.mark.requirement("P1", "P19")
@given(any_terms(), any_tokens())
def test_a_charge_is_the_sum_of_its_lines_rounded_up_once(terms: Terms, tokens: Tokens) -> None:
    """Rounding drift: getlago/lago-api#4639, #5121, useautumn/autumn#3407."""
    charge = price(terms, tokens)
    lines = exact(terms, tokens)
    assert type(charge) is int
    assert charge % terms.charge_increment == 0
    assert 0 <= charge - lines < terms.charge_increment


@given(any_terms(), any_tokens(largest=500))
def test_rounding_once_never_costs_more_than_rounding_each_line(terms: Terms, tokens: Tokens) -> None:
    one_tier = Terms(rate_card="1", model="m", tiers=terms.tiers[:1], charge_increment=terms.charge_increment)
    lines = [price(one_tier, Tokens(**{bucket: getattr(tokens, bucket)})) for bucket in BUCKETS]
    assert price(one_tier, tokens) <= sum(lines)


@given(any_terms())
def test_no_tokens_cost_nothing(terms: Terms) -> None:
    assert price(terms, Tokens()) == 0


@pytest.mark.requirement("P17")
@given(any_terms(), any_tokens(largest=600_000), counts, counts)
def test_the_ceiling_covers_every_split_of_the_tokens(
    terms: Terms, tokens: Tokens, more_in: int, more_out: int
) -> None:
    used_in = tokens.input + tokens.cached_input + tokens.cache_write
    used_out = tokens.output + tokens.reasoning
    ceiling = price_ceiling(terms, input_tokens=used_in + more_in, output_tokens=used_out + more_out)
    assert ceiling >= price(terms, tokens)
    assert ceiling % terms.charge_increment == 0


LONG = Terms(
    rate_card="2026-11-01",
    model="long",
    tiers=(
        Rates(above_input_tokens=0, input=100_000_000, cached_input=10_000_000, cache_write=125_000_000,
              output=400_000_000, reasoning=500_000_000),
        Rates(above_input_tokens=272_000, input=200_000_000, cached_input=20_000_000, cache_write=250_000_000,
              output=600_000_000, reasoning=600_000_000),
    ),
    charge_increment=10_000,
)  # fmt: skip


@pytest.mark.requirement("P19")
def test_a_tier_begins_with_the_first_token_above_its_number() -> None:
    assert rates_for(LONG, 272_000) is LONG.tiers[0]
    assert rates_for(LONG, 272_001) is LONG.tiers[1]
    assert price(LONG, Tokens(input=272_000)) == 27_200_000
    assert price(LONG, Tokens(input=272_001)) == 54_410_000  # every token at the higher rate: 54.4002, rounded up
    assert price(LONG, Tokens(input=1, cached_input=200_000, cache_write=72_000)) == 22_010_000


def test_the_hold_changes_tier_where_the_charge_does() -> None:
    assert price_ceiling(LONG, input_tokens=272_000, output_tokens=0) == 34_000_000
    assert price_ceiling(LONG, input_tokens=272_001, output_tokens=0) == 68_010_000


def test_a_cheaper_upper_tier_does_not_shrink_the_hold() -> None:
    falling = Terms(rate_card="1", model="m", charge_increment=1, tiers=(
        Rates(above_input_tokens=0, input=50, cached_input=50, cache_write=50, output=50, reasoning=50),
        Rates(above_input_tokens=10, input=1, cached_input=1, cache_write=1, output=1, reasoning=1),
    ))  # fmt: skip
    assert price_ceiling(falling, input_tokens=1_000_000, output_tokens=1_000_000) >= price(
        falling, Tokens(input=10, output=1_000_000)
    )


@pytest.mark.parametrize("bucket", BUCKETS)
def test_each_kind_of_token_is_priced_at_its_own_rate_and_only_once(bucket: str) -> None:
    expected = {"input": 100, "cached_input": 10, "cache_write": 125, "output": 400, "reasoning": 500}[bucket]
    assert price(LONG, Tokens(**{bucket: 100_000})) == expected * 100_000
