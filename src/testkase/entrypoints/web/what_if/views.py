"""A draft price book is uploaded, a period replayed against it, the outcome shown; nothing is written or kept (B11)."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.db import connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods
from psycopg import Connection

from testkase.core.pricing import DRAFT_BYTES, PriceBookError, read_draft
from testkase.core.pricing.money import dollars_of
from testkase.core.pricing.replay import Replay, Sums
from testkase.entrypoints.web.middleware import without_transaction
from testkase.entrypoints.web.templatetags.testkase import use_case
from testkase.foundation.problems import InvalidInput
from testkase.services.metering.replaying import last_month, organization_names, replay_period
from testkase.services.organizations.tenancy import tenant_transaction

_MOST_FAULTS = 50
"""That are shown; the first ones are mended first."""
_MOST_ORGANIZATIONS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of the outcome."""

    name: str
    sums: Sums
    cost: str
    margin: str


@require_http_methods(["GET", "POST"])
@without_transaction
def what_if(request: HttpRequest) -> HttpResponse:
    """For staff alone; to everybody else there is nothing here."""
    if not getattr(request.user, "is_staff", False):
        raise Http404
    first, last = last_month(datetime.now(UTC).date())
    facts: dict[str, Any] = {"since": first.isoformat(), "until": last.isoformat()}
    status = 200
    if request.method == "POST":
        facts |= {"since": request.POST.get("since", ""), "until": request.POST.get("until", "")}
        try:
            facts |= _outcome(request)
        except PriceBookError as problem:
            status, facts["faults"] = 422, problem.facts["errors"][:_MOST_FAULTS]
            facts["unusable"] = True
        except InvalidInput as problem:
            status, facts["faults"] = 422, [problem.detail]
    response = render(request, "testkase/what_if/page.html", facts, status=status)
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _outcome(request: HttpRequest) -> dict[str, Any]:
    file = request.FILES.get("book")
    if file is None or not file.size or file.size > DRAFT_BYTES:
        raise InvalidInput("Choose a draft price book of at most 100 KB.", field="book")
    draft = read_draft(file.read(), file.name or "draft.toml")
    first, last = (_day(request.POST.get(name, "")) for name in ("since", "until"))
    begun = time.monotonic()
    replay = replay_period(_transaction, draft, first, last)
    seconds = time.monotonic() - begun
    organizations = replay.by_organization()
    largest = sorted(organizations, key=lambda one: (-abs(organizations[one].difference), one))[:_MOST_ORGANIZATIONS]
    names = organization_names(_transaction, largest)
    features, total = replay.by_use_case(), _line(replay, "All", replay.total())
    return {
        "replay": replay,
        "total": total,
        "features": [*(_line(replay, use_case(slug), features[slug]) for slug in sorted(features)), total],
        "organizations": [_line(replay, names.get(one, f"№ {one}"), organizations[one]) for one in largest],
        "others": len(organizations) - len(largest),
        "left": [(reason, model, left) for (reason, model), left in sorted(replay.left.items())],
        "rate": int(replay.total().interactions / seconds) if seconds else 0,
    }


def _line(replay: Replay, name: str, sums: Sums) -> Line:
    margin = replay.margin_microdollars(sums)
    left = "—" if margin is None else dollars_of(margin)
    return Line(name=name, sums=sums, cost=dollars_of(sums.cost_microdollars), margin=left)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput("Choose the first and the last day.", field="since") from error


@contextmanager
def _transaction(org_id: int | None) -> Iterator[Connection[Any]]:
    """On Django's own connection: as an operator's command has it, one for each organization."""
    with transaction.atomic() if org_id is None else tenant_transaction(org_id):
        connection.ensure_connection()
        yield connection.connection
