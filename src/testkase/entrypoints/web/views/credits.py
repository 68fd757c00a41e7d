"""Settings → AI Credits: the balance, what was used this month, every interaction and its receipt."""

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from testkase.core.access import Action
from testkase.core.ledger import queries
from testkase.core.ledger.consumption import DayPart, Part
from testkase.core.ledger.current import current_balance
from testkase.core.ledger.model import Lot
from testkase.core.ledger.queries import Balance
from testkase.entrypoints.web.breakdown import breakdown_of, part_of, read_days
from testkase.entrypoints.web.expiry import expiring, set_aside
from testkase.entrypoints.web.export import usage_csv
from testkase.entrypoints.web.filters import choices_for, filters_of
from testkase.entrypoints.web.outlook.panel import Past, look_back, outlook_of, part_outlook, past_of
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.receipts import receipt_lines
from testkase.entrypoints.web.statements.history import History, history_of
from testkase.entrypoints.web.switch_card import switch_card
from testkase.entrypoints.web.usage import named, newer_than, usage_page
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.services.metering.attempts import failures_of
from testkase.services.organizations.tenancy import run_here


@require_safe
def page(request: MemberRequest) -> HttpResponse:
    """The balance at the top, two summary cards, the breakdown, and the usage table (R42 to R54)."""
    viewer = request.viewer
    balance = run_here(current_balance(viewer.org_id))
    having = run_here(queries.lots(viewer.org_id))
    days = read_days(balance, part_of(request.GET.get("by")), back_to=look_back(balance))
    filters = filters_of(request.GET)
    choices, history = choices_for(viewer.org_id, filters), history_of(balance)
    past = past_of(balance, days, [month.period for month in history.months])
    facts = {
        "section": "credits",
        **_standing(request, balance, having, past),
        **_gone_where(request, balance, days, history),
        "part_outlook": part_outlook(balance, having, filters, choices, past) if balance.ai_enabled else None,
        "usage": usage_page(viewer.org_id, filters, before=number(request.GET.get("before")), known=choices),
        "filters": filters,
        "choices": choices,
        "paged": "before" in request.GET,
        "card": switch_card(viewer, balance),
        "may_export": viewer.can(Action.EXPORT_USAGE),
    }
    return render(request, "testkase/ai_credits.html", facts)


@require_safe
def summary(request: MemberRequest) -> HttpResponse:
    """The two cards and the forecast alone: what an open page asks for when the balance has moved."""
    balance = run_here(current_balance(request.viewer.org_id))
    having = run_here(queries.lots(balance.org_id))
    return render(request, "testkase/_summary.html", _standing(request, balance, having))


@require_safe
def breakdown(request: MemberRequest) -> HttpResponse:
    """The breakdown and the months alone: what an open page asks for after an AI call."""
    balance = run_here(current_balance(request.viewer.org_id))
    days = read_days(balance, part_of(request.GET.get("by")))
    return render(request, "testkase/_breakdown_renewed.html", _gone_where(request, balance, days, history_of(balance)))


def _standing(request: MemberRequest, balance: Balance, having: list[Lot], past: Past | None = None) -> dict[str, Any]:
    return {
        "balance": balance,
        "expiring": expiring(having),
        "set_aside": set_aside(having),
        "outlook": outlook_of(balance, having, past) if balance.ai_enabled else None,
        "may_buy": request.viewer.can(Action.BUY_CREDITS),
    }


def _gone_where(request: MemberRequest, balance: Balance, days: list[DayPart], history: History) -> dict[str, Any]:
    return {
        "balance": balance,
        "breakdown": breakdown_of(balance, part_of(request.GET.get("by")), days),
        "parts": list(Part),
        "here": reverse("ai_credits"),
        "history": history,
    }


@require_safe
def usage_rows(request: MemberRequest) -> HttpResponse:
    """Further rows of the usage table: older ones, or those `after` the newest that a page shows."""
    filters, after = filters_of(request.GET), number(request.GET.get("after"))
    if after is not None:
        usage, gap = newer_than(request.viewer.org_id, filters, after)
        facts = {"usage": usage, "filters": filters, "gap": gap, "newest": max(usage.newest, after)}
        return render(request, "testkase/_usage_new_rows.html", facts)
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
        "failures": run_here(failures_of(request.viewer.org_id, found.usage.usage_id)),
    }
    dialog = request.headers.get("HX-Target") == "dialog-body"
    return render(request, "testkase/_receipt.html" if dialog else "testkase/receipt.html", {**facts, "dialog": dialog})


@require_safe
def ai_features(request: MemberRequest) -> HttpResponse:
    """Organization Settings → AI Features leads to the same page (R21)."""
    return redirect("ai_credits")
