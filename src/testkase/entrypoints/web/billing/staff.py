"""Staff's page on payments: how each day's match came out, and reports nobody has worked on yet. Read-only (B5)."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from testkase.entrypoints.web.billing.till import transact
from testkase.entrypoints.web.middleware import without_transaction
from testkase.services.billing.reports.inbox import waiting_reports
from testkase.services.billing.reports.matching import match_reports

_DAYS, _REPORTS = 31, 50


@require_safe
@without_transaction
def payments(request: HttpRequest) -> HttpResponse:
    """For staff alone; to everybody else there is nothing here. It names organizations by their ids."""
    if not getattr(request.user, "is_staff", False):
        raise Http404
    reports = transact(match_reports(limit=_DAYS), org_id=None)
    facts = {
        "reports": reports,
        "faulty": any(report.faults for report in reports),
        "waiting": transact(waiting_reports(limit=_REPORTS), org_id=None),
    }
    response = render(request, "testkase/billing/staff.html", facts)
    response.headers["Cache-Control"] = "private, no-store"
    return response
