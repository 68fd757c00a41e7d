"""GET /models and /models/{model}: what can be called here and has a price."""

from typing import Any

from testkase.core.pricing import PriceBook
from testkase.entrypoints.api.context import Context
from testkase.services.inference import ModelEntry, ModelNotServed


def list_models(context: Context) -> dict[str, Any]:
    """The models in the order of configuration."""
    book = context.book()
    return {
        "object": "list",
        "data": [_model(entry, book) for entry in context.catalog.models() if _priced(entry, book)],
    }


def get_model(context: Context, name: str) -> dict[str, Any]:
    """One model. Raises ModelNotServed."""
    entry, book = context.catalog.find(name), context.book()
    if not _priced(entry, book):
        raise ModelNotServed(f"The model {name!r:.100} has no price here.", field="model")
    return _model(entry, book)


def _priced(entry: ModelEntry, book: PriceBook) -> bool:
    return entry.name in book.models()


def _model(entry: ModelEntry, book: PriceBook) -> dict[str, Any]:
    return {
        "id": entry.name,
        "object": "model",
        "created": int(book.effective_from.timestamp()),
        "owned_by": entry.provider,
        "context_window": entry.context_window,
        "max_output_tokens": entry.max_output_tokens,
    }
