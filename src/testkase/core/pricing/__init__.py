"""What things cost: the dated price book, its bundles and its rate card. The arithmetic from tokens to credits is
`core/ledger/terms.py`, because a receipt must be recomputable from the ledger alone."""

from testkase.core.pricing.load import DRAFT_BYTES, load_price_books, read_draft
from testkase.core.pricing.model import (
    Bundle,
    ModelRate,
    PriceBook,
    PriceBookError,
    PriceBooks,
    UnknownBundle,
    UnknownCurrency,
    UnknownModel,
    Validity,
)

__all__ = [
    "DRAFT_BYTES",
    "Bundle",
    "ModelRate",
    "PriceBook",
    "PriceBookError",
    "PriceBooks",
    "UnknownBundle",
    "UnknownCurrency",
    "UnknownModel",
    "Validity",
    "load_price_books",
    "read_draft",
]
