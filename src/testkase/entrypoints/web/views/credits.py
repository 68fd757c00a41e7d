"""Settings → AI Credits: the balance, what was used this month, every interaction and its receipt."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from testkase.core.access import Action
from testkase.core.ledger import queries
from testkase.entrypoints.web.live import current_balance
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.receipts import receipt_lines
from testkase.entrypoints.web.usage import named, usage_page
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.services.organizations.tenancy import run_here


@require_safe
def page(request: MemberRequest) -> HttpResponse:
    """The balance at the top, two summary cards, and the usage table (R42 to R52)."""
    viewer = request.viewer
    facts = {
        "section": "credits",
        "balance": run_here(current_balance(viewer.org_id)),
        "usage": usage_page(viewer.org_id, before=number(request.GET.get("before"))),
        "paged": "before" in request.GET,
        "may_switch": viewer.can(Action.SWITCH_AI),
    }
    return render(request, "testkase/ai_credits.html", facts)


@require_safe
def usage_rows(request: MemberRequest) -> HttpResponse:
    """Further rows of the usage table."""
    usage = usage_page(request.viewer.org_id, before=number(request.GET.get("before")))
    return render(request, "testkase/_usage_rows.html", {"usage": usage})


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
