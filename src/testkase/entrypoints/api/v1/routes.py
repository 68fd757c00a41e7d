"""The table of routes of /api/v1."""

from testkase.entrypoints.api.route import Route
from testkase.entrypoints.api.v1 import holds_table, openapi_view, reading_table

PREFIX = "/api/v1"


def routes() -> tuple[Route, ...]:
    """Every route, in the order of the document."""
    return (*holds_table.ROUTES, *reading_table.ROUTES, *openapi_view.ROUTES)
