"""Settings → AI Credits → statements: every billing month with what came, what went and what was left (B12)."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from testkase.core.access import Action
from testkase.core.ledger.current import current_balance
from testkase.entrypoints.web.statements.csv_file import csv_of
from testkase.entrypoints.web.statements.history import history_of
from testkase.entrypoints.web.statements.paper import Paper, paper_of
from testkase.entrypoints.web.statements.pdf_file import pdf_of
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.services.organizations.tenancy import run_here

_ONLY_ADMINS = "Only the Owner and admins may download statements: they name everybody."


@require_safe
def index(request: MemberRequest) -> HttpResponse:
    """A year of months; `before` names a month and shows the year before it."""
    balance = run_here(current_balance(request.viewer.org_id))
    history = history_of(balance, before=request.GET.get("before"))
    return render(request, "testkase/statements.html", {"section": "credits", "balance": balance, "history": history})


@require_safe
def page(request: MemberRequest, period: str) -> HttpResponse:
    """One month in full."""
    facts = {
        "section": "credits",
        "paper": _paper(request, period),
        "may_export": request.viewer.can(Action.EXPORT_USAGE),
    }
    return render(request, "testkase/statement.html", facts)


@require_safe
def as_csv(request: MemberRequest, period: str) -> HttpResponse:
    """The same for a spreadsheet. Owner and admins."""
    request.viewer.must(Action.EXPORT_USAGE, _ONLY_ADMINS)
    return _download(csv_of(_paper(request, period)), period, "csv", "text/csv; charset=utf-8")


@require_safe
def as_pdf(request: MemberRequest, period: str) -> HttpResponse:
    """The same on paper. Owner and admins."""
    request.viewer.must(Action.EXPORT_USAGE, _ONLY_ADMINS)
    return _download(pdf_of(_paper(request, period)), period, "pdf", "application/pdf")


def _paper(request: MemberRequest, period: str) -> Paper:
    organization = request.viewer.organization
    balance = run_here(current_balance(request.viewer.org_id))
    return paper_of(organization.name, organization.slug, balance, period)


def _download(content: bytes, period: str, suffix: str, kind: str) -> HttpResponse:
    response = HttpResponse(content, content_type=kind)
    response.headers["Content-Disposition"] = f'attachment; filename="ai-credits-statement-{period}.{suffix}"'
    return response
