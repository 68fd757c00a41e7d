"""What one case of the bench yields: operations per second, latencies and CPU, as medians over its runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

SCOPES = ("many", "hot")
"""Load spread over every organization, or all of it on one."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One run. Latencies in milliseconds, CPU in microseconds an operation; None where it does not apply."""

    operations: int
    seconds: float
    p50: float | None = None
    p99: float | None = None
    app_cpu: float | None = None
    database_cpu: float | None = None

    @property
    def rate(self) -> float:
        return self.operations / self.seconds if self.seconds else 0.0


class Case(Protocol):
    """Something that can be run for some seconds, again and again."""

    @property
    def section(self) -> str: ...

    @property
    def name(self) -> str: ...

    @property
    def key(self) -> str:
        """Names the case for goals and ratios: `engine.pairs.512.many`."""
        ...

    def run(self, seconds: float) -> Sample: ...


@dataclass(slots=True)
class Result:
    """A case and its runs."""

    section: str
    name: str
    key: str
    samples: list[Sample] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return median(sample.rate for sample in self.samples)

    def middle(self, of: Callable[[Sample], float | None]) -> float | None:
        """The median of one figure over the runs that have it."""
        values = [value for sample in self.samples if (value := of(sample)) is not None]
        return median(values) if values else None

    @property
    def spread(self) -> float:
        """(fastest − slowest) / median: how much to trust the rate."""
        rates = [sample.rate for sample in self.samples]
        return (max(rates) - min(rates)) / self.rate if self.rate else 0.0


def percentiles(latencies: Sequence[float]) -> tuple[float | None, float | None]:
    """p50 and p99 of latencies, in whatever unit they are."""
    if not latencies:
        return None, None
    ordered = sorted(latencies)
    return ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)]
