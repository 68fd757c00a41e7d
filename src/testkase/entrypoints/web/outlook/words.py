"""How long the credits last, what a filter's part needs, and what would cover the gap, as sentences and lengths."""

from dataclasses import dataclass

from testkase.core.ledger.credits import grouped_credits
from testkase.core.ledger.forecast import Forecast
from testkase.core.pricing.cover import Cover
from testkase.services.notifications.thresholds import is_low
from testkase.services.notifications.words import in_days, rounded, span

_DAY = 10
"""Width of a day on the bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What the page says of the days until the reset. `found` is None where there is too little to go by yet."""

    found: Forecast | None
    spendable: int
    cover: Cover | None = None
    debt: int = 0

    @property
    def state(self) -> str:
        """ "unknown", "good" (lasts past the reset), "maybe" (could run out before it) or "short" (likely will)."""
        if self.found is None:
            return "unknown"
        if self._unmet:
            return "short"
        if self.found.low is None:
            return "good"
        return "maybe" if self.found.likely is None else "short"

    @property
    def sentence(self) -> str:
        """How long the credits last at this pace."""
        found = self.found
        if self.debt:
            return f"AI rests until the {grouped_credits(self.debt)} credits that are owed are covered."
        if found is None:
            return "There is no forecast yet. It appears after two whole weeks of use."
        reset = in_days(found.resets_in)
        if is_low(self.spendable, 0):
            return f"The credits are used up; they reset {reset}."
        if found.low is None:
            return f"At this pace the credits last past the reset {reset}."
        if found.likely is None:
            perhaps = in_days(found.low)
            return f"At this pace the credits most likely last until the reset {reset}, but may run out {perhaps}."
        return f"At this pace the credits {span(found)}; they reset {reset}."

    @property
    def need(self) -> str:
        """ "40 to 62 credits": what will be used until the reset if it is there."""
        assert self.found is not None
        low, high = rounded(self.found.need_low, beside=self.found.need_high), rounded(self.found.need_high)
        return f"{low} credits" if low == high else f"{low} to {high} credits"

    @property
    def missing(self) -> int:
        """What is likely to be missing, or, where that is nothing, what could be; with what is owed beyond the balance,
        which bought credits cover first."""
        assert self.found is not None
        return self.found.missing + self._unmet

    @property
    def gap(self) -> str:
        return rounded(self.missing)

    @property
    def _unmet(self) -> int:
        return max(0, self.debt - self.spendable)

    @property
    def width(self) -> int:
        """Of the bar: the days until the reset."""
        assert self.found is not None
        return max(self.found.resets_in, 1) * _DAY

    @property
    def sure(self) -> int:
        """How far along the bar the credits last in nine futures out of ten."""
        assert self.found is not None
        return self.width if self.found.low is None else self.found.low * _DAY

    @property
    def open(self) -> int:
        """How much further they may last."""
        assert self.found is not None
        return (self.width if self.found.high is None else self.found.high * _DAY) - self.sure


@dataclass(frozen=True, slots=True, kw_only=True)
class PartOutlook:
    """The forecast of what the usage table is filtered to."""

    name: str
    outlook: Outlook

    @property
    def sentence(self) -> str:
        found = self.outlook.found
        if found is None:
            return f"{self.name}: too little use so far for a forecast of its own; two whole weeks are needed."
        lasting = (
            "and there are credits enough for it"
            if found.low is None
            else f"and alone would use up the balance {in_days(found.low)} at the earliest"
        )
        return f"{self.name}: likely to need {self.outlook.need} until the reset {in_days(found.resets_in)}, {lasting}."
