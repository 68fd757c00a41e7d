"""What this installation offers right now: the price book that holds, and the models people may generate with."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from django.conf import settings

from testkase.core.pricing import PriceBook, PriceBooks, load_price_books
from testkase.services.inference.catalog import Catalog
from testkase.services.inference.model import ModelEntry
from testkase.services.organizations.operations import AccountTerms


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model on the Generate page."""

    name: str
    demonstration: bool
    """The small embedded model: it shows the product at work; real drafts want a real model."""


@lru_cache(maxsize=1)
def _price_books() -> PriceBooks:
    return load_price_books(settings.VALUES.price_book)


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    """The models that are served. Pages read what there is and never call one."""
    return Catalog.from_settings(settings.VALUES)


def current_prices() -> PriceBook:
    """The price book that holds now."""
    return _price_books().at(datetime.now(UTC))


def account_terms() -> AccountTerms:
    """What an organization that is opened now gets."""
    values = settings.VALUES
    return AccountTerms(
        monthly_allowance=current_prices().monthly_allowance,
        anchor_day=values.billing_anchor_day,
        time_zone=values.billing_time_zone,
    )


def allowance_has_changed() -> bool:
    """Whether organizations that were opened under an earlier price book have another monthly allowance, which they
    keep."""
    now = datetime.now(UTC)
    return len({book.monthly_allowance for book in _price_books().books if book.effective_from <= now}) > 1


def entry_of(model: str) -> ModelEntry | None:
    """A served model's entry, None where it is not served."""
    return next((entry for entry in catalog().models() if entry.name == model), None)


def models_on_offer() -> list[Model]:
    """Models that are served and priced, the operator's own before the embedded one."""
    priced = set(current_prices().models())
    entries = sorted((entry for entry in catalog().models() if entry.name in priced), key=lambda entry: entry.small)
    return [Model(name=entry.name, demonstration=entry.small) for entry in entries]
