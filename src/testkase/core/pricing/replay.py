"""What recorded calls would have been charged by another price book (B11), as a fold over usage rows.

Each call is priced and rounded by itself with the very function that charges, so a replay of the book that was in force
gives what was charged. All figures are integers: micro-credits, and micro-dollars × tokens for what the provider asks.
"""

from dataclasses import dataclass
from fractions import Fraction

from testkase.core.ledger.holding import FREE_OUTCOMES
from testkase.core.ledger.terms import Rates, Terms, Tokens, price, rates_for
from testkase.core.pricing.model import PriceBook

_MILLION = 1_000_000


@dataclass(slots=True, kw_only=True)
class Sums:
    """Calls added up. `charged` counts every call, `charged_replayed` those of `replayed`, for which `would` is what
    the draft charges; `costed` is the part of `would` whose provider cost is known, `cost_numerator` that cost in
    micro-dollars times a million."""

    interactions: int = 0
    charged: int = 0
    replayed: int = 0
    charged_replayed: int = 0
    would: int = 0
    costed: int = 0
    cost_numerator: int = 0

    @property
    def difference(self) -> int:
        """What the draft charges more, in micro-credits, over the calls that could be replayed."""
        return self.would - self.charged_replayed

    @property
    def cost_microdollars(self) -> int:
        """What the provider asks for the calls whose cost is known, rounded up once."""
        return -(-self.cost_numerator // _MILLION)

    def add(self, other: "Sums") -> None:
        """Count another's calls too."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True, kw_only=True)
class Left:
    """Calls that could not be replayed."""

    interactions: int = 0
    charged: int = 0


BY_CREDITS = "measured in credits, not tokens"
UNKNOWN_MODEL = "the draft has no rate for the model"


class Replay:
    """`add` each call, then read `sums` by organization and feature, and what was `left`, by reason and model."""

    def __init__(self, book: PriceBook) -> None:
        self.book = book
        self.sums: dict[tuple[int, str], Sums] = {}
        self.left: dict[tuple[str, str], Left] = {}
        self.short = 0
        """Calls that were charged less than they cost, because the balance or the hold ended: replayed in full."""
        self._known: dict[str, tuple[Terms, Terms | None]] = {}
        for model in book.models():
            rate = book.rate(model)
            self._known[model] = book.terms(model), _cost_terms(rate.cost, model)

    def add(
        self,
        org_id: int,
        use_case: str,
        model: str | None,
        tokens: Tokens,
        charged: int,
        *,
        cost: int,
        outcome: str,
        measurement: str,
    ) -> None:
        """One call as it was recorded; `charged` and `cost` in micro-credits."""
        line = self.sums.get((org_id, use_case))
        if line is None:
            line = self.sums[org_id, use_case] = Sums()
        line.interactions += 1
        line.charged += charged
        known = self._known.get(model or "")
        if measurement == "credits" or known is None:
            self._leave(BY_CREDITS if measurement == "credits" else UNKNOWN_MODEL, model or "", charged)
            return
        terms, cost_terms = known
        would = 0 if outcome in FREE_OUTCOMES else price(terms, tokens)
        line.replayed += 1
        line.charged_replayed += charged
        line.would += would
        self.short += charged < cost
        if cost_terms is not None:
            line.costed += would
            line.cost_numerator += _numerator(cost_terms, tokens)

    def by_use_case(self) -> dict[str, Sums]:
        """The same over all organizations."""
        totals: dict[str, Sums] = {}
        for (_, use_case), line in self.sums.items():
            totals.setdefault(use_case, Sums()).add(line)
        return totals

    def by_organization(self) -> dict[int, Sums]:
        """The same over all features."""
        totals: dict[int, Sums] = {}
        for (org_id, _), line in self.sums.items():
            totals.setdefault(org_id, Sums()).add(line)
        return totals

    def total(self) -> Sums:
        """The same over everything."""
        whole = Sums()
        for line in self.sums.values():
            whole.add(line)
        return whole

    def margin_microdollars(self, sums: Sums) -> int | None:
        """What is left of the calls whose cost is known, each credit counted at the least the draft sells one for,
        rounded down. None where the draft sells none, or no cost is known."""
        prices = [Fraction(bundle.price_cents * 10_000, bundle.credits) for bundle in self.book.bundles]
        if not prices or not (sums.costed or sums.cost_numerator):
            return None
        return int(sums.costed * min(prices) // 1) - sums.cost_microdollars

    def _leave(self, reason: str, model: str, charged: int) -> None:
        left = self.left.setdefault((reason, model), Left())
        left.interactions += 1
        left.charged += charged


def _cost_terms(cost: tuple[Rates, ...], model: str) -> Terms | None:
    return Terms(rate_card="", model=model, tiers=cost, charge_increment=1) if cost else None


def _numerator(terms: Terms, tokens: Tokens) -> int:
    rates = rates_for(terms, tokens.input + tokens.cached_input + tokens.cache_write)
    return (
        tokens.input * rates.input
        + tokens.cached_input * rates.cached_input
        + tokens.cache_write * rates.cache_write
        + tokens.output * rates.output
        + tokens.reasoning * rates.reasoning
    )
