"""A receipt's lines and its sum belong together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkase.core.ledger.credits import round_up
from testkase.core.ledger.queries import Receipt, UsageRow
from testkase.core.ledger.terms import Rates, Terms, Tokens, price
from testkase.entrypoints.web.receipts import receipt_lines

counts = st.integers(0, 200_000)
rates = st.integers(0, 10**10)


def receipt_of(tokens: Tokens, terms: Terms | None) -> Receipt:
    cost = price(terms, tokens) if terms else 0
    usage = UsageRow(
        seq=1, usage_id="u", at=0, use_case="chat", user="a@b.example", project=None, model=None, outcome="completed",
        measurement="exact", tokens=tokens, cost=cost, charged=cost, rate_card=None,
    )  # fmt: skip
    return Receipt(
        usage=usage, kind="settle", terms=terms, rates=terms.tiers[0] if terms else None, lots=(), expired_on_release=0,
        balance_before=cost, balance_after=0, available_after=0, held_after=0, hash="",
    )  # fmt: skip


@pytest.mark.requirement("B3", "P1")
@given(st.tuples(counts, counts, counts, counts, counts), st.tuples(rates, rates, rates, rates, rates))
def test_the_lines_add_up_to_the_cost_but_for_the_one_rounding(
    amounts: tuple[int, ...], costs: tuple[int, ...]
) -> None:
    tokens = Tokens(
        input=amounts[0], cached_input=amounts[1], cache_write=amounts[2], output=amounts[3], reasoning=amounts[4]
    )
    tier = Rates(
        above_input_tokens=0, input=costs[0], cached_input=costs[1], cache_write=costs[2], output=costs[3],
        reasoning=costs[4],
    )  # fmt: skip
    terms = Terms(rate_card="x", model="m", tiers=(tier,), charge_increment=10_000)
    receipt = receipt_of(tokens, terms)
    lines = receipt_lines(receipt)
    assert sum(line.tokens for line in lines) == sum(amounts)
    assert all(abs(line.amount * 1_000_000 - line.tokens * line.rate_per_million) < 1_000_000 for line in lines)
    assert round_up(sum(line.amount for line in lines), 10_000) == receipt.usage.cost


@pytest.mark.requirement("B3", "P1")
def test_what_is_left_of_each_kind_is_not_lost_between_the_lines() -> None:
    """Two halves of a micro-credit make it more than 0.01, so that 0.02 is charged: the lines came to 0.01."""
    tier = Rates(
        above_input_tokens=0, input=0, cached_input=1_500_000, cache_write=187_500_000, output=1_000_000, reasoning=0
    )
    terms = Terms(rate_card="x", model="m", tiers=(tier,), charge_increment=10_000)
    receipt = receipt_of(Tokens(cached_input=1, cache_write=1, output=9_812), terms)
    assert receipt.usage.cost == 20_000
    assert sum(line.amount for line in receipt_lines(receipt)) == 10_001


def test_credits_named_by_a_program_have_no_token_lines() -> None:
    assert receipt_lines(receipt_of(Tokens(), None)) == []
