"""The table of routes of /api/v1, and the document made of it."""

from functools import cache

from testkase.entrypoints.api.openapi import document
from testkase.entrypoints.api.reply import Reply, encode
from testkase.entrypoints.api.route import Ask, Route
from testkase.entrypoints.api.v1 import alerts, audit, hold_schemas, holds_table, reading_table, settings
from testkase.entrypoints.api.v1.billing import table as billing
from testkase.entrypoints.api.v1.bundle_views import ProblemView, get_problem
from testkase.entrypoints.api.v1.limits import table as limits
from testkase.entrypoints.api.v1.workspace import table as workspace

PREFIX = "/api/v1"
API_VERSION = "1.0.0"
"""Of the contract, not of the program: the first number changes when a client would have to."""


def routes() -> tuple[Route, ...]:
    """Every route, in the order of the document."""
    return (
        *holds_table.ROUTES, *reading_table.ROUTES, *limits.ROUTES, *alerts.ROUTES, *audit.ROUTES, *billing.ROUTES,
        *settings.ROUTES, *workspace.ROUTES, *ABOUT,
    )  # fmt: skip


async def get_document(ask: Ask[None]) -> Reply:
    """200 with the OpenAPI document."""
    return Reply(_document(ask.context.settings.public_url))


@cache
def _document(public_url: str) -> bytes:
    return encode(
        document(
            routes(),
            prefix=PREFIX,
            server_url=public_url,
            version=API_VERSION,
            extra=(hold_schemas.HoldRequest, hold_schemas.SettlementItem),
        )
    )


ABOUT = (
    Route(
        method="GET",
        path="/openapi.json",
        run=get_document,
        scope=None,
        tag="About",
        summary="This document",
        answer=None,
    ),
    Route(
        method="GET",
        path="/problems/{code}",
        run=get_problem,
        scope=None,
        tag="About",
        summary="What a problem means and what to do about it",
        answer=ProblemView,
        answer_example={
            "code": "ai_disabled",
            "status": 403,
            "title": "AI is switched off",
            "next": "Ask the Owner to switch AI on under Settings → AI Credits.",
        },
        refusals=("not_found",),
    ),
)
