"""What a run usually costs, from the organization's own runs (B9)."""

from dataclasses import dataclass

from testkase.core.ledger.credits import round_up
from testkase.core.pricing import PriceBook
from testkase.foundation.database import Operation, Statement
from testkase.services.features.generation.operations import SQL

RECENT = 200
"""Of the organization's generations, how many are looked back at."""
LEAST = 3
"""Runs from which on a range means something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """From the cheapest to the dearest tenth of so many runs, in micro-credits for as many drafts as are asked for."""

    low: int
    high: int
    runs: int


def usual_cost(
    org_id: int, model: str, drafts: int, book: PriceBook, *, of_steps: bool = False
) -> Operation[Usual | None]:
    """In steps of a charge, as every charge is. None while there are too few runs with this model. Needs the
    organization's context."""
    params = {"org_id": org_id, "model": model, "recent": RECENT, "of_steps": of_steps}
    rows = yield Statement(SQL["usual_costs"], params)
    if len(rows) < LEAST:
        return None
    costs = sorted(round_up(row["charged"] * drafts // row["drafts"], book.charge_increment) for row in rows)
    tenth = (len(costs) - 1) // 10
    return Usual(low=costs[tenth], high=costs[-1 - tenth], runs=len(costs))
