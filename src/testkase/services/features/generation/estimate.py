"""What a generation will cost, before it runs (B9): what it likely comes to, and the most it can come to (P17)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from testkase.core.ledger.terms import Tokens, price, price_ceiling
from testkase.core.pricing import PriceBook
from testkase.services.features.generation.ideas.choosing import ideas_for
from testkase.services.features.generation.model import Options
from testkase.services.features.generation.prompting import LARGE_TRIES, TEMPERATURES, large_request, small_request
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
    rate = book.rate(options.model)
    size = size_of(
        requirement,
        options,
        small=entry.small if entry is not None else options.model == EMBEDDED_MODEL,
        context_window=rate.context_window,
        max_output_tokens=rate.max_output_tokens,
    )
    return priced(size, book, options.model)


def priced(size: Size, book: PriceBook, model: str) -> Estimate:
    """What calls of this size come to. Raises UnknownModel."""
    terms = book.terms(model)
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
    ideas = ideas_for(requirement, options.cases, options.kinds)
    count = (len(ideas) if small else options.cases) - already
    if count <= 0:
        return Size(most_input=0, most_output=0, likely_input=0, likely_cached=0, likely_output=0)
    if small:
        bodies = [small_request(org_id, requirement, idea, 0) for idea in ideas[-count:]]
        return small_size(bodies, context_window)
    body = large_request(requirement, ideas, (), max_output_tokens, count=count, kinds=options.kinds)
    return large_size(body, context_window, likely_output=_LIKELY_LARGE_OUTPUT * count)


def small_size(bodies: Sequence[Mapping[str, Any]], context_window: int) -> Size:
    """One call each. All but the last message is the same for everybody, and computed already."""
    fixed = sum(input_token_estimate({"messages": body["messages"][:-1]}) for body in bodies)
    likely = sum(input_token_estimate({"messages": body["messages"]}) for body in bodies)
    tries = len(TEMPERATURES)
    return Size(
        most_input=sum(min(input_token_bound(body), context_window) for body in bodies) * tries,
        most_output=sum(int(body["max_tokens"]) for body in bodies) * tries,
        likely_input=likely,
        likely_cached=min(fixed, likely),
        likely_output=_LIKELY_SMALL_OUTPUT * len(bodies),
    )


def large_size(body: Mapping[str, Any], context_window: int, *, likely_output: int) -> Size:
    """One call for everything, and one that completes it: it asks for less, and the titles it knows are short."""
    return Size(
        most_input=min(input_token_bound(body), context_window) * LARGE_TRIES,
        most_output=int(body["max_tokens"]) * LARGE_TRIES,
        likely_input=input_token_estimate({"messages": body["messages"]}),
        likely_cached=0,
        likely_output=likely_output,
    )
