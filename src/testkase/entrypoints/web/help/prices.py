"""Prices and rates for the help pages, read from the price book in force: a new book changes the pages with it."""

from dataclasses import dataclass
from typing import Any

from testkase.core.ledger.terms import Rates, Tokens, price
from testkase.core.pricing import Bundle, PriceBook
from testkase.entrypoints.web.offer import Model, allowance_has_changed, current_prices, models_on_offer
from testkase.services.billing.overage.allowing import DUE_DAYS, LEAST_BILL_CENTS, MOST_CAP_CENTS, cap_in_credits
from testkase.services.billing.overage.collecting import REMIND_BEFORE
from testkase.services.billing.reports.reconciling import GIVE_UP_SECONDS, MOST_PAUSE_SECONDS

EXAMPLE = Tokens(input=900, output=600)
"""Tokens of a small generation: a page of instructions and requirement in, three short test cases out."""


EXAMPLE_CAP_CENTS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLine:
    """A model with its rates; `tier` says for which prompts where a model has several."""

    model: str
    provider: str
    tier: str
    rates: Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleLine:
    """A bundle in the table. `exact`: its savings as published are rounded, so that the true figures stand beside."""

    bundle: Bundle
    exact: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A call of so many tokens, priced by the very function that charges it."""

    model: str
    tokens: Tokens
    rates: Rates
    charge: int


def price_facts() -> dict[str, Any]:
    """Facts of the price book for every help page."""
    book = current_prices()
    served = models_on_offer()
    names = {model.name for model in served}
    return {
        "book": book,
        "older_allowances": allowance_has_changed(),
        "served": [line for model in served for line in _lines(book, model.name)],
        "others": [line for name in book.models() if name not in names for line in _lines(book, name)],
        "example": _example(book, served),
        "bundles": bundle_lines(book),
        "validities": validities(book),
        "best": next((bundle for bundle in book.bundles if bundle.badge), book.bundles[0]),
        "large": book.bundles[-2:],
        "dearer": book.overage_price_cents * book.bundles[0].credits_per_dollar // 100,
        "terms": _terms(book),
    }


def _terms(book: PriceBook) -> dict[str, int]:
    """What buying and billing go by: days, minutes and US cents, from where they are decided."""
    return {
        "close_days": GIVE_UP_SECONDS // 86_400,
        "look_minutes": MOST_PAUSE_SECONDS // 60 + 2,
        "due_days": DUE_DAYS,
        "first_reminder": REMIND_BEFORE[0].days,
        "last_reminder": REMIND_BEFORE[-1].days,
        "least_bill": LEAST_BILL_CENTS,
        "most_cap": MOST_CAP_CENTS,
        "example_cap": EXAMPLE_CAP_CENTS,
        "example_credits": cap_in_credits(EXAMPLE_CAP_CENTS, book.overage_price_cents),
    }


def bundle_lines(book: PriceBook) -> list[BundleLine]:
    """The bundles as the table shows them."""
    return [
        BundleLine(
            bundle=bundle,
            exact=bundle.savings_percent is not None and str(bundle.savings_percent) != bundle.more_credits_percent,
        )
        for bundle in book.bundles
    ]


def validities(book: PriceBook) -> dict[str, str]:
    """Names of bundles, and how long their credits last: those alike in one line."""
    names: dict[str, list[str]] = {}
    for bundle in book.bundles:
        names.setdefault(validity(bundle), []).append(bundle.name)
    if len(names) == 1:
        return {"every bundle": next(iter(names))}
    return {", ".join(alike): words for words, alike in names.items()}


def validity(bundle: Bundle) -> str:
    """How long the credits of a bundle last, as it is said before paying (P3)."""
    if bundle.validity.kind == "never":
        return "never expire"
    if bundle.validity.kind == "months":
        count = bundle.validity.months
        return f"expire {count} month{'s' if count > 1 else ''} after the purchase"
    return "expire at the end of the billing month in which they were bought"


def _lines(book: PriceBook, model: str) -> list[RateLine]:
    rate = book.rate(model)
    several = len(rate.tiers) > 1
    return [
        RateLine(model=model, provider=rate.provider, tier=_tier(rates) if several else "", rates=rates)
        for rates in rate.tiers
    ]


def _tier(rates: Rates) -> str:
    return f"prompts above {rates.above_input_tokens:,} tokens" if rates.above_input_tokens else "shorter prompts"


def _example(book: PriceBook, served: list[Model]) -> Example | None:
    """On the model people of this installation get first; None where none is served."""
    if not served:
        return None
    terms = book.terms(served[0].name)
    return Example(model=terms.model, tokens=EXAMPLE, rates=terms.tiers[0], charge=price(terms, EXAMPLE))
