"""What a call of a feature will likely cost with a model: from the organization's own history where there is some.

Programs may meter calls of theirs as `chat` or `report` too. What those cost says nothing about a feature's own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from testkase.core.ledger.consumption import span_of
from testkase.core.ledger.credits import round_up
from testkase.core.ledger.months import month_start
from testkase.core.ledger.terms import Tokens, price
from testkase.core.pricing import PriceBook
from testkase.foundation.database import Operation, Statement
from testkase.services.inference import FEATURES, Feature, ModelEntry
from testkase.services.metering.quality.ladder import SMALL_TYPICAL, TYPICAL
from testkase.services.metering.settle import own_id

RECENT = 2_000
"""Of the organization's interactions, how many are looked back at."""
RECENT_MONTHS = 11
"""And how many months before its newest entry's: a year in all."""

_HISTORY = """
SELECT use_case AS feature, model, count(*) AS interactions, round(avg(cost))::bigint AS cost,
       round(avg(input + cached_input + cache_write))::bigint AS input, round(avg(output + reasoning))::bigint AS output
FROM (
    SELECT * FROM ledger.usage WHERE org_id = %(org_id)s AND at >= %(since)s AND at <= %(latest)s
    ORDER BY at DESC, seq DESC LIMIT %(recent)s
) AS recent
WHERE use_case = ANY(%(features)s) AND starts_with(usage_id, %(own)s) AND outcome = 'completed' AND model IS NOT NULL
  AND cost > 0
GROUP BY use_case, model
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A feature's recent interactions with one model, on average. `cost` in micro-credits."""

    interactions: int
    cost: int
    input: int
    output: int


History = Mapping[tuple[str, str], Past]
"""By feature and model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Micro-credits, and what they rest on: runs with this very model, runs with others at its rates, or a typical
    size."""

    cost: int
    basis: Literal["measured", "repriced", "typical"]
    interactions: int = 0


def history_of(org_id: int) -> Operation[History]:
    """Needs the organization's context."""
    _, latest = yield from span_of(org_id)
    span = {"since": month_start(latest, -RECENT_MONTHS), "latest": latest, "recent": RECENT}
    rows = yield Statement(_HISTORY, {"org_id": org_id, **span, "features": list(FEATURES), "own": own_id("")})
    return {(row.pop("feature"), row.pop("model")): Past(**row) for row in map(dict, rows)}


def expected_cost(feature: Feature, entry: ModelEntry, history: History, book: PriceBook) -> Expected:
    """What one run will likely be charged, in steps of a charge as every charge is: the only estimate of it, wherever a
    page shows one. Raises UnknownModel."""
    model = entry.name
    if (own := history.get((feature, model))) is not None:
        cost = round_up(own.cost, book.charge_increment)
        return Expected(cost=cost, basis="measured", interactions=own.interactions)
    if entry.small:
        return Expected(cost=price(book.terms(model), SMALL_TYPICAL[feature]), basis="typical")
    others = [past for (name, _), past in history.items() if name == feature]
    count = sum(past.interactions for past in others)
    if not count:
        return Expected(cost=price(book.terms(model), TYPICAL[feature]), basis="typical")
    tokens = Tokens(
        input=sum(past.input * past.interactions for past in others) // count,
        output=sum(past.output * past.interactions for past in others) // count,
    )
    return Expected(cost=price(book.terms(model), tokens), basis="repriced", interactions=count)
