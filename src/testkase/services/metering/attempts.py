"""Who is asked when a model's provider fails: the models it falls back to, none of them dearer (B10, P17).

One interaction, one hold, as many attempts as it takes. An attempt is over once something has been delivered: from then
on the call is charged, and asking again would be paid for twice.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from testkase.core.ledger.terms import Rates, Terms, price_ceiling, rates_for
from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import InvalidInput
from testkase.services.inference import Call, Catalog, ModelEntry, ProviderError
from testkase.services.metering.request import Bounds, clamp

OPERATORS_FAULT = (401, 402, 403, 404)
"""Refusals that are about the operator's account or the model's name there, not about the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A model that may be asked. `terms`: None for the one the hold was opened for."""

    entry: ModelEntry
    upstream: Call
    bounds: Bounds
    terms: Terms | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A model that was asked and failed before it delivered anything. Metadata only: never what a provider said."""

    model: str
    provider: str
    code: str
    status: int | None


def may_ask_another(error: ProviderError) -> bool:
    """Whether the provider is at fault; a request that was understood and refused would be refused again."""
    return not error.refused or error.status in OPERATORS_FAULT


def failed(entry: ModelEntry, error: ProviderError) -> Failed:
    """What is kept of a failure."""
    return Failed(model=entry.name, provider=entry.provider, code=error.code, status=error.status)


def fallbacks(
    catalog: Catalog,
    first: Attempt,
    own: Terms,
    terms_of: Callable[[str], Terms],
    body: Mapping[str, Any],
    *,
    stream: bool,
) -> Iterator[Attempt]:
    """The models that may answer instead of the first, with requests of their own. `own`: the hold's terms.

    Left out is what has no price, what is dearer or beyond the hold, and what cannot do what is asked.
    """
    most = _ceiling(own, first.bounds)
    for name in first.entry.fallback:
        try:
            entry, other = catalog.find(name), terms_of(name)
            theirs, bounds = clamp(body, entry)
            if no_dearer(other, own, bounds.input_tokens) and _ceiling(other, bounds) <= most:
                upstream = catalog.open(name, theirs, stream=stream)
                yield Attempt(entry=entry, upstream=upstream, bounds=bounds, terms=other)
        except InvalidInput:  # no price, or a request this one cannot be asked, however it is worded
            continue


def _ceiling(terms: Terms, bounds: Bounds) -> int:
    return price_ceiling(terms, input_tokens=bounds.input_tokens, output_tokens=bounds.output_tokens)


def keep_failures(org_id: int, hold_id: str, failures: Sequence[Failed]) -> Operation[None]:
    """Write down who was asked and failed. Repeating it changes nothing."""
    columns = {name: [getattr(failure, name) for failure in failures] for name in Failed.__slots__}
    yield Statement(
        "INSERT INTO model_failure (org_id, hold_id, attempt, model, provider, code, status)"
        " SELECT %(org_id)s, %(hold_id)s, each.attempt, each.model, each.provider, each.code, each.status"
        " FROM unnest(%(model)s::text[], %(provider)s::text[], %(code)s::text[], %(status)s::integer[])"
        " WITH ORDINALITY AS each (model, provider, code, status, attempt)"
        " ON CONFLICT (org_id, hold_id, attempt) DO NOTHING",
        {"org_id": org_id, "hold_id": hold_id, **columns},
    )


def failures_of(org_id: int, hold_id: str) -> Operation[list[Failed]]:
    """Who was asked for an interaction and failed, in that order."""
    rows = yield Statement(
        "SELECT model, provider, code, status FROM model_failure"
        " WHERE org_id = %(org_id)s AND hold_id = %(hold_id)s ORDER BY attempt",
        {"org_id": org_id, "hold_id": hold_id},
    )
    return [Failed(**row) for row in rows]


def no_dearer(other: Terms, own: Terms, input_tokens: int) -> bool:
    """Whether no token of a prompt up to that size, nor of its answer, costs more under the other terms."""
    sizes = {input_tokens} | {
        size
        for terms in (own, other)
        for tier in terms.tiers
        for size in (tier.above_input_tokens, tier.above_input_tokens + 1)
        if size < input_tokens
    }
    return other.charge_increment <= own.charge_increment and all(
        _within(rates_for(other, size), rates_for(own, size)) for size in sizes
    )


def _within(other: Rates, own: Rates) -> bool:
    return all(
        getattr(other, kind) <= getattr(own, kind)
        for kind in ("input", "cached_input", "cache_write", "output", "reasoning")
    )
