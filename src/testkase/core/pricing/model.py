"""The price book's nouns. Integers all: micro-credits, US cents, and rates in micro-credits per million tokens."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.terms import Rates, Terms
from testkase.foundation.problems import InvalidInput, NotFound


class PriceBookError(InvalidInput):
    """A price book cannot be used. `facts["errors"]` holds every fault: file, key path and what to write there."""

    code = "invalid_price_book"
    title = "The price book is not valid"


class UnknownModel(InvalidInput):
    """The rate card has no row for the model, so that a call to it could not be priced."""

    code = "unknown_model"
    title = "The model has no rate"


class UnknownCurrency(InvalidInput):
    """The price book has no price list in that currency. Nothing is converted: a rate of the day is nobody's price."""

    code = "unknown_currency"
    title = "No prices in that currency"


class UnknownBundle(NotFound):
    """The price book has no bundle of that key."""

    code = "unknown_bundle"
    title = "No such bundle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Validity:
    """How long bought credits last (P3): to the end of the billing month, for ever, or so many months."""

    kind: Literal["billing_month", "never", "months"]
    months: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Credits sold at one price (R10–R16)."""

    key: str
    name: str
    price_cents: int
    credits: int
    """Micro-credits."""
    credits_per_dollar: int
    savings_percent: int | None
    """As published. The true figures are `more_credits_percent` and `cheaper_percent` (P6)."""
    badge: str | None
    validity: Validity
    more_credits_percent: str
    """Credits per dollar above the first bundle's, in percent with at most one decimal: "16"."""
    cheaper_percent: str
    """Price per credit below the first bundle's, in percent with at most one decimal: "13.8"."""
    price_paise: int | None = None
    """The price on the list in Indian rupees, where the operator keeps one (P8)."""

    def price_in(self, currency: str) -> int:
        """The price in minor units of a currency. Raises UnknownCurrency where there is no list in it."""
        price = {"USD": self.price_cents, "INR": self.price_paise}.get(currency)
        if price is None:
            raise UnknownCurrency(f"There are no prices in {currency[:8]!r} here.", field="currency")
        return price


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRate:
    """One row of the rate card."""

    model: str
    provider: str
    context_window: int
    """Tokens of prompt and answer together."""
    max_output_tokens: int
    """The most one answer may be asked to have; requests are clamped to it, so that a hold bounds the call."""
    free: bool
    tiers: tuple[Rates, ...]
    note: str
    cost: tuple[Rates, ...] = ()
    """What the provider asks, in micro-dollars per million tokens; () where the row does not say."""


class PriceBook:
    """One dated version of everything that has a price."""

    def __init__(
        self,
        *,
        version: str,
        effective_from: datetime,
        monthly_allowance: int,
        charge_increment: int,
        overage_price_cents: int,
        currency: str,
        bundles: tuple[Bundle, ...],
        rate_card: tuple[ModelRate, ...],
    ) -> None:
        self.version = version
        self.effective_from = effective_from
        self.monthly_allowance = monthly_allowance
        self.charge_increment = charge_increment
        self.overage_price_cents = overage_price_cents
        self.currency = currency
        self.bundles = bundles
        self._rates = {rate.model: rate for rate in sorted(rate_card, key=lambda rate: rate.model)}
        self._terms = {
            rate.model: Terms(rate_card=version, model=rate.model, tiers=rate.tiers, charge_increment=charge_increment)
            for rate in rate_card
        }

    def __repr__(self) -> str:
        return f"<PriceBook {self.version}: {len(self._rates)} models>"

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies with a price list, US dollars first."""
        return ("USD", "INR") if all(bundle.price_paise for bundle in self.bundles) else ("USD",)

    def models(self) -> tuple[str, ...]:
        """The models that can be priced, by name."""
        return tuple(self._rates)

    def rate(self, model: str) -> ModelRate:
        """The model's row of the rate card. Raises UnknownModel."""
        try:
            return self._rates[model]
        except KeyError:
            raise self._unknown(model) from None

    def terms(self, model: str) -> Terms:
        """What a call to the model is admitted and settled under. Raises UnknownModel."""
        try:
            return self._terms[model]
        except KeyError:
            raise self._unknown(model) from None

    def bundle(self, key: str) -> Bundle:
        """The bundle of that key. Raises UnknownBundle."""
        for bundle in self.bundles:
            if bundle.key == key:
                return bundle
        raise UnknownBundle(f"There is no bundle {key[:64]!r}.", field="bundle", bundle=key[:64])

    def _unknown(self, model: str) -> UnknownModel:
        return UnknownModel(
            f"The rate card {self.version} has no model {model[:128]!r}.", field="model", model=model[:128]
        )


class PriceBooks:
    """Every version found, oldest first. A book holds from its date until the next one's."""

    def __init__(self, books: tuple[PriceBook, ...]) -> None:
        self.books = tuple(sorted(books, key=lambda book: book.effective_from))

    def at(self, instant: datetime) -> PriceBook:
        """The book in force at an aware instant. Raises PriceBookError before the first book's date."""
        for book in reversed(self.books):
            if book.effective_from <= instant:
                return book
        first = self.books[0].version
        raise PriceBookError(f"No price book is in force on {instant:%Y-%m-%d}: the first one begins on {first}.")

    def version(self, name: str) -> PriceBook:
        """The book of that version, for a receipt. Raises PriceBookError when it is not among the files any more."""
        for book in self.books:
            if book.version == name:
                return book
        raise PriceBookError(f"There is no price book {name[:32]!r} among the files.")


def tenths_of_percent(numerator: int, denominator: int) -> str:
    """The ratio in percent, rounded half up to one decimal: (16, 100) is "16", (16, 116) is "13.8"."""
    tenths = (2000 * numerator + denominator) // (2 * denominator)
    whole, tenth = divmod(tenths, 10)
    return f"{whole}.{tenth}" if tenth else str(whole)


def credits_per_dollar(price_cents: int, credits: int) -> int:
    """Whole credits for a dollar. The loader refuses a bundle for which it is not exact."""
    return credits * 100 // (price_cents * MICRO)
