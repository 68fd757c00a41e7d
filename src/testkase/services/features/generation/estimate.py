"""What a generation will cost, before it runs (B9): what it likely comes to, and the most it can come to (P17)."""

from dataclasses import dataclass

from testkase.core.ledger.terms import Tokens, price, price_ceiling
from testkase.core.pricing import PriceBook
from testkase.services.features.generation.ideas import ideas_for
from testkase.services.features.generation.model import Options
from testkase.services.features.generation.prompting import TEMPERATURES, large_request, small_request
from testkase.services.inference import EMBEDDED_MODEL, ModelEntry, input_token_bound, input_token_estimate

_LIKELY_SMALL_OUTPUT = 85
"""Tokens of a draft by the small model, measured."""
_LIKELY_LARGE_OUTPUT = 300
"""Tokens of a draft by a large model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Tokens of all calls of a generation together."""

    most_input: int
    most_output: int
    likely_input: int
    likely_cached: int
    """Of the likely input, what the small model has already computed for the call before."""
    likely_output: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Both in micro-credits."""

    likely: int
    most: int


def estimate(requirement: str, options: Options, book: PriceBook, entry: ModelEntry | None = None) -> Estimate:
    """What the charge will be about, and what the hold will be. Raises UnknownModel.

    Without `entry` the embedded model is taken for the only small one.
    """
    rate, terms = book.rate(options.model), book.terms(options.model)
    size = size_of(
        requirement,
        options,
        small=entry.small if entry is not None else options.model == EMBEDDED_MODEL,
        context_window=rate.context_window,
        max_output_tokens=rate.max_output_tokens,
    )
    likely = Tokens(
        input=size.likely_input - size.likely_cached, cached_input=size.likely_cached, output=size.likely_output
    )
    most = price_ceiling(terms, input_tokens=size.most_input, output_tokens=size.most_output)
    return Estimate(likely=min(price(terms, likely), most), most=most)


def size_of(
    requirement: str,
    options: Options,
    *,
    small: bool,
    context_window: int,
    max_output_tokens: int,
    org_id: int = 0,
    already: int = 0,
) -> Size:
    """The most and the likely tokens, retries included in the most; `already` drafts are there."""
    ideas = ideas_for(requirement, options.cases, options.kinds)[already:]
    if not ideas:
        return Size(most_input=0, most_output=0, likely_input=0, likely_cached=0, likely_output=0)
    if small:
        bodies = [small_request(org_id, requirement, idea, 0) for idea in ideas]
        tries, each = len(TEMPERATURES), _LIKELY_SMALL_OUTPUT
        fixed = [input_token_estimate({"messages": body["messages"][:-1]}) for body in bodies]
    else:
        bodies = [large_request(requirement, ideas, (), max_output_tokens)]
        tries, each, fixed = 1, _LIKELY_LARGE_OUTPUT, [0]
    likely = sum(input_token_estimate({"messages": body["messages"]}) for body in bodies)
    return Size(
        most_input=sum(min(input_token_bound(body), context_window) for body in bodies) * tries,
        most_output=sum(int(body["max_tokens"]) for body in bodies) * tries,
        likely_input=likely,
        likely_cached=min(sum(fixed), likely),
        likely_output=each * len(ideas),
    )
