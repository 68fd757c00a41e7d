"""Which bundle covers a gap for the least money: one answer for pages and letters alike (B7)."""

from collections.abc import Iterable
from dataclasses import dataclass

from testkase.core.pricing.model import Bundle
from testkase.core.pricing.money import money


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """What is likely to be missing, as so many of the one bundle that covers it for the least."""

    bundle: Bundle
    count: int
    currency: str = "USD"

    @property
    def credits(self) -> int:
        return self.bundle.credits * self.count

    @property
    def amount(self) -> int:
        """Its price in minor units of the currency."""
        return self.bundle.price_in(self.currency) * self.count

    @property
    def price(self) -> str:
        """ "$70", "₹5,943"."""
        return money(self.amount, self.currency).removesuffix(".00")

    @property
    def name(self) -> str:
        """ "Starter", "3 × Starter"."""
        return self.bundle.name if self.count == 1 else f"{self.count} × {self.bundle.name}"


def cheapest(bundles: Iterable[Bundle], gap: int, currency: str = "USD") -> Cover:
    """So many of one bundle as cover the gap (micro-credits) for the least money on a price list; of two that cost the
    same, the one with more."""
    offers = [Cover(bundle=bundle, count=-(-gap // bundle.credits), currency=currency) for bundle in bundles]
    return min(offers, key=lambda offer: (offer.amount, -offer.credits))
