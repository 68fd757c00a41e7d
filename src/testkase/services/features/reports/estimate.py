"""What a run will cost, before it runs (B9): by what the organization's own reports took, and at most."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from testkase.core.ledger.credits import round_up
from testkase.core.ledger.terms import Tokens, price, price_ceiling
from testkase.core.pricing import PriceBook
from testkase.foundation.database import Operation, Statement
from testkase.services.features.reports.model import USE_CASE, Facts, Kind, Options
from testkase.services.features.reports.narrative.prompting import (
    DATA_BYTES,
    LARGE_OUTPUT_TOKENS,
    LARGE_TRIES,
    REPAIR_BYTES,
    SMALL_ADVICE,
    SMALL_OUTPUT_TOKENS,
    TEMPERATURES,
    large_request,
    small_request,
)
from testkase.services.features.reports.requests import SQL
from testkase.services.inference import ModelEntry, input_token_bound
from testkase.services.metering.quality import SMALL_TYPICAL, TYPICAL

LOOKED_AT = 20
"""Reports of each kind that an estimate goes by."""
_FEWER, _MORE = 2, 3
"""Without a past the range is from a half to one and a half."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """The most tokens of all calls together."""

    input: int
    output: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Micro-credits. `reports` counts the organization's own that it goes by; 0: it has none of these kinds yet."""

    low: int
    likely: int
    high: int
    most: int
    reports: int


def past_tokens(org_id: int, options: Options) -> Operation[dict[Kind, list[Tokens]]]:
    """What the newest reports of the kinds asked for took with this model."""
    params = {"org_id": org_id, "kinds": list(options.kinds), "model": options.model, "limit": LOOKED_AT}
    found: dict[Kind, list[Tokens]] = defaultdict(list)
    for row in (yield Statement(SQL["past_costs"], params)):
        tokens = Tokens(input=row["input_tokens"], cached_input=row["cached_tokens"], output=row["output_tokens"])
        found[row["kind"]].append(tokens)
    return found


def estimate(options: Options, book: PriceBook, entry: ModelEntry, past: dict[Kind, list[Tokens]]) -> Estimate:
    """What the charge will be about, and what the hold will be at most. Raises UnknownModel."""
    terms = book.terms(options.model)
    size = bound_of(len(options.kinds), entry)
    most = price_ceiling(terms, input_tokens=size.input, output_tokens=size.output)
    typical = price(terms, (SMALL_TYPICAL if entry.small else TYPICAL)[USE_CASE])
    low = likely = high = 0
    for kind in options.kinds:
        prices = sorted(price(terms, tokens) for tokens in past.get(kind, ()))
        low += prices[0] if prices else round_up(typical // _FEWER, terms.charge_increment)
        likely += prices[len(prices) // 2] if prices else typical
        high += prices[-1] if prices else round_up(typical * _MORE // _FEWER, terms.charge_increment)
    reports = sum(len(past.get(kind, ())) for kind in options.kinds)
    return Estimate(low=min(low, most), likely=min(likely, most), high=min(high, most), most=most, reports=reports)


def bound_of(reports: int, entry: ModelEntry) -> Size:
    """The most that so many reports can take, before their facts are known: prompts hold no more than DATA_BYTES."""
    return _together([_bound(entry, DATA_BYTES)] * reports)


def size_of(all_facts: Iterable[Facts], entry: ModelEntry, team: int) -> Size:
    """The most that the texts of these facts can take."""
    return _together([_small(facts, entry, team) if entry.small else _large(facts, entry) for facts in all_facts])


_NOTHING = Facts(
    kind="optimisation", headline=("",), warning="", formula="", cycles=(), chart=None, tables=(), figures=(), items=()
)


def _bound(entry: ModelEntry, data: int) -> Size:
    """With this many bytes of facts."""
    if entry.small:
        tries = SMALL_ADVICE * len(TEMPERATURES)
        each = min(input_token_bound(small_request(10**12, _NOTHING, 0, 0)) + 400, entry.context_window)
        return Size(input=each * tries, output=SMALL_OUTPUT_TOKENS * tries)
    first = input_token_bound(large_request(_NOTHING, entry.max_output_tokens)) + data
    return _two_tries(first, entry)


def _large(facts: Facts, entry: ModelEntry) -> Size:
    return _two_tries(input_token_bound(large_request(facts, entry.max_output_tokens)), entry)


def _two_tries(first: int, entry: ModelEntry) -> Size:
    again = (LARGE_TRIES - 1) * min(first + REPAIR_BYTES, entry.context_window)
    output = min(LARGE_OUTPUT_TOKENS, entry.max_output_tokens) * LARGE_TRIES
    return Size(input=min(first, entry.context_window) + again, output=output)


def _small(facts: Facts, entry: ModelEntry, team: int) -> Size:
    tasks = min(len(facts.items), SMALL_ADVICE) or 1
    bounds = [input_token_bound(small_request(team, facts, number, 0)) for number in range(tasks)]
    tries = len(TEMPERATURES)
    return Size(
        input=sum(min(one, entry.context_window) for one in bounds) * tries, output=SMALL_OUTPUT_TOKENS * tasks * tries
    )


def _together(sizes: Sequence[Size]) -> Size:
    return Size(input=sum(one.input for one in sizes), output=sum(one.output for one in sizes))
