"""Which models a feature's levels are: what the operator named, and what follows from the prices."""

from testkase.core.ledger.terms import Tokens, price
from testkase.core.pricing import PriceBook
from testkase.services.inference import Catalog, Feature, Level, ModelEntry

TYPICAL: dict[Feature, Tokens] = {
    "test_generation": Tokens(input=1_200, output=1_600),
    "chat": Tokens(input=3_000, output=500),
    "report": Tokens(input=1_900, output=420),
}
"""A run of each feature in large models' tokens, for whoever has no history yet: a requirement of half a page and four
cases; a question with what the assistant looked up; the figures of a cycle and a text about them."""

SMALL_TYPICAL: dict[Feature, Tokens] = {
    "test_generation": Tokens(input=255, cached_input=1_356, output=340),
    "chat": Tokens(input=20, cached_input=150, output=26),
    "report": Tokens(input=260, cached_input=330, output=85),
}
"""The same of a small model, measured. It is asked for sentences that code has prepared, with a prompt that is mostly
computed already: what a large model took says nothing about it."""

Ladder = dict[Level, ModelEntry]
"""The model of each level; empty where no model can be called."""


def ladder(catalog: Catalog, book: PriceBook, feature: Feature) -> Ladder:
    """The levels of a feature, at the prices of a book."""
    priced = set(book.models())

    def cost(entry: ModelEntry) -> int | None:
        return price(book.terms(entry.name), TYPICAL[feature]) if entry.name in priced else None

    return catalog.levels(feature, cost)
