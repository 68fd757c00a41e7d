"""Settings → AI Credits: the balance, what was used this month, every interaction and its receipt."""

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from testkase.core.access import Action
from testkase.core.ledger import queries
from testkase.core.ledger.consumption import Part
from testkase.entrypoints.web.breakdown import breakdown_of, part_of
from testkase.entrypoints.web.expiry import expiring
from testkase.entrypoints.web.export import usage_csv
from testkase.entrypoints.web.filters import choices_for, filters_of
from testkase.entrypoints.web.live import current_balance
from testkase.entrypoints.web.outlook.panel import outlook_of, part_outlook
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.receipts import receipt_lines
from testkase.entrypoints.web.statements.history import history_of
from testkase.entrypoints.web.switch_card import switch_card
from testkase.entrypoints.web.usage import named, usage_page
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.services.organizations.tenancy import run_here


@require_safe
def page(request: MemberRequest) -> HttpResponse:
    """The balance at the top, two summary cards, the breakdown, and the usage table (R42 to R54)."""
    viewer = request.viewer
    balance = run_here(current_balance(viewer.org_id))
    filters = filters_of(request.GET)
    choices = choices_for(viewer.org_id, filters)
    facts = {
        "section": "credits",
        "balance": balance,
        "expiring": expiring(viewer.org_id),
        "breakdown": breakdown_of(balance, part_of(request.GET.get("by"))),
        "parts": list(Part),
        "outlook": outlook_of(balance) if balance.ai_enabled else None,
        "part_outlook": part_outlook(balance, filters, choices) if balance.ai_enabled else None,
        "history": history_of(balance),
        "usage": usage_page(viewer.org_id, filters, before=number(request.GET.get("before"))),
        "filters": filters,
        "choices": choices,
        "paged": "before" in request.GET,
        "card": switch_card(viewer, balance),
        "may_buy": viewer.can(Action.BUY_CREDITS),
        "may_export": viewer.can(Action.EXPORT_USAGE),
    }
    return render(request, "testkase/ai_credits.html", facts)


@require_safe
def usage_rows(request: MemberRequest) -> HttpResponse:
    """Further rows of the usage table."""
    filters = filters_of(request.GET)
    usage = usage_page(request.viewer.org_id, filters, before=number(request.GET.get("before")))
    return render(request, "testkase/_usage_rows.html", {"usage": usage, "filters": filters})


@require_safe
def export(request: MemberRequest) -> HttpResponseBase:
    """The usage table as CSV, filtered as the page is (P11). Owner and admins."""
    request.viewer.must(Action.EXPORT_USAGE, "Only the Owner and admins may export everyone's usage.")
    return usage_csv(request, request.viewer.org_id, filters_of(request.GET))


@require_safe
def receipt(request: MemberRequest, seq: int) -> HttpResponse:
    """One interaction's receipt (B3): a page of its own, or the content of a dialog."""
    found = run_here(queries.receipt(request.viewer.org_id, seq))
    facts = {
        "section": "credits",
        "receipt": found,
        "line": named(request.viewer.org_id, [found.usage])[0],
        "token_lines": receipt_lines(found),
    }
    dialog = request.headers.get("HX-Target") == "dialog-body"
    return render(request, "testkase/_receipt.html" if dialog else "testkase/receipt.html", {**facts, "dialog": dialog})


@require_safe
def ai_features(request: MemberRequest) -> HttpResponse:
    """Organization Settings → AI Features leads to the same page (R21)."""
    return redirect("ai_credits")
