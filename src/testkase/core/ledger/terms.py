"""The terms a hold is opened under, and the arithmetic that turns tokens into credits (R3, P1, P19).

Terms are copied into the hold, so that a call is settled at the rates it was admitted under whatever the rate card
says by then, and so that a receipt can be recomputed from the record alone.
"""

import msgspec

from testkase.core.ledger.credits import round_up


class Tokens(msgspec.Struct, frozen=True, kw_only=True, gc=False, omit_defaults=True):
    """Tokens of one call in disjoint buckets: every token is in exactly one of them, so none is priced twice or never.

    `input` excludes cached reads and cache writes; `output` excludes reasoning.
    """

    input: int = 0
    cached_input: int = 0
    cache_write: int = 0
    output: int = 0
    reasoning: int = 0


class Rates(msgspec.Struct, frozen=True, kw_only=True, gc=False, array_like=True):
    """Micro-credits per million tokens of each bucket. `above_input_tokens`: the tier holds for prompts longer than
    this."""

    above_input_tokens: int
    input: int
    cached_input: int
    cache_write: int
    output: int
    reasoning: int


class Terms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Rate card version, model, tiers in ascending order (the first at 0) and the charge increment."""

    rate_card: str
    model: str
    tiers: tuple[Rates, ...]
    charge_increment: int


def rates_for(terms: Terms, prompt_tokens: int) -> Rates:
    """The tier that applies to a prompt of so many tokens (all input buckets together)."""
    chosen = terms.tiers[0]
    for tier in terms.tiers[1:]:
        if prompt_tokens > tier.above_input_tokens:
            chosen = tier
    return chosen


def price(terms: Terms, tokens: Tokens) -> int:
    """Micro-credits for the tokens of one call, rounded once, up, to the charge increment. Zero tokens cost zero."""
    rates = rates_for(terms, tokens.input + tokens.cached_input + tokens.cache_write)
    per_million = (
        tokens.input * rates.input
        + tokens.cached_input * rates.cached_input
        + tokens.cache_write * rates.cache_write
        + tokens.output * rates.output
        + tokens.reasoning * rates.reasoning
    )
    return round_up(-(-per_million // 1_000_000), terms.charge_increment)


def price_ceiling(terms: Terms, *, input_tokens: int, output_tokens: int) -> int:
    """The most a call can cost: every input token at the dearest input rate, every output token at the dearest output
    rate, over every tier the prompt could reach. What a hold must cover (P17)."""
    worst = 0
    for tier in terms.tiers:
        if input_tokens > tier.above_input_tokens or tier is terms.tiers[0]:
            dearest_in = max(tier.input, tier.cached_input, tier.cache_write)
            dearest_out = max(tier.output, tier.reasoning)
            worst = max(worst, input_tokens * dearest_in + output_tokens * dearest_out)
    return round_up(-(-worst // 1_000_000), terms.charge_increment)
