"""Everything one run found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.growth import Growth
from bench.journal import Journal
from bench.measure import Result
from bench.memory import Memory

Results = Mapping[str, Result]


@dataclass(slots=True, kw_only=True)
class Figures:
    """What was left out of the run is empty or None."""

    results: Results = field(default_factory=dict)
    memory: Sequence[Memory] = ()
    round_trips: int | None = None
    journal: Journal | None = None
    growth: Growth | None = None
    ready_seconds: float | None = None
    notes: list[str] = field(default_factory=list)
    """What could not be measured, and why."""
