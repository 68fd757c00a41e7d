"""Staff's page on the books: what is checked and when it was, what deviated, which heads were published. Read-only."""

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from testkase.entrypoints.web.middleware import without_transaction
from testkase.services.organizations.tenancy import run_here
from testkase.services.selfaudit.model import EVERYBODY, RULES
from testkase.services.selfaudit.standing import checked, deviations, published

_DEVIATIONS, _DAYS = 100, 14


@require_safe
@without_transaction
def invariants(request: HttpRequest) -> HttpResponse:
    """For staff alone; to everybody else there is nothing here. It names organizations by their ids."""
    if not getattr(request.user, "is_staff", False):
        raise Http404
    with transaction.atomic():
        found = run_here(deviations(limit=_DEVIATIONS))
        facts = {"checked": run_here(checked()), "published": run_here(published(limit=_DAYS)), "everybody": EVERYBODY}
    standing = [one.invariant for one in found if one.gone_at is None]
    facts["rules"] = [(rule, standing.count(rule.code)) for rule in RULES]
    facts["deviations"] = found
    response = render(request, "testkase/selfaudit/page.html", facts)
    response.headers["Cache-Control"] = "private, no-store"
    return response
