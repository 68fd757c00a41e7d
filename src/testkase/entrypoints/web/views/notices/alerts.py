"""Settings → AI Credits → Alerts: at which balances the Owner and the Admins are told (P12)."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from testkase.core.access import Action
from testkase.core.ledger.credits import format_credits
from testkase.core.ledger.current import current_balance
from testkase.core.ledger.outlook import own_credits
from testkase.entrypoints.web.query import typed_credits
from testkase.entrypoints.web.viewer import MemberRequest, Viewer
from testkase.foundation.problems import InvalidInput
from testkase.services.notifications.settings import AlertSettings, alert_settings, set_alerts
from testkase.services.notifications.thresholds import MOST, is_low
from testkase.services.organizations.tenancy import run_here

REFUSAL = "Alerts are set by the Owner and the Admins of the organization."


@require_http_methods(["GET", "POST"])
def alerts(request: MemberRequest) -> HttpResponse:
    """The thresholds as a form: changed, added and removed in one step, or back to the default ones."""
    viewer = request.viewer
    viewer.must(Action.SET_ALERTS, REFUSAL)
    if request.method == "GET":
        return render(request, "testkase/alerts.html", _facts(viewer))
    try:
        changed = run_here(set_alerts(viewer.org_id, viewer.actor, **_asked(request)))
    except InvalidInput as problem:
        facts = {**_facts(viewer), "error": problem.detail, "error_field": problem.field, **_as_typed(request)}
        return render(request, "testkase/alerts.html", facts, status=422)
    messages.success(request, "Saved. Alerts follow the new thresholds from now on." if changed else "Nothing changed.")
    return redirect("alerts")


def _asked(request: MemberRequest) -> dict[str, Any]:
    if request.POST.get("action") == "reset":
        return {"thresholds": None, "forecast_days": None}
    removed = request.POST.get("remove")
    texts = [text for index, text in enumerate(request.POST.getlist("threshold")) if str(index) != removed]
    thresholds = [typed_credits(text, "thresholds") for text in texts if text.strip()]
    return {"thresholds": thresholds, "forecast_days": _days(request.POST.get("forecast_days", ""))}


def _days(text: str) -> int | None:
    if not text.strip():
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 3):
        raise InvalidInput("Write a whole number of days, 0 for never.", field="forecast_days")
    return int(text)


def _as_typed(request: MemberRequest) -> dict[str, Any]:
    """What was sent, so that nobody has to write it again."""
    return {
        "rows": [{"text": text} for text in request.POST.getlist("threshold")[: MOST + 1] if text.strip()],
        "forecast_days": request.POST.get("forecast_days", "")[:10],
    }


def _facts(viewer: Viewer) -> dict[str, Any]:
    account = run_here(current_balance(viewer.org_id))
    found: AlertSettings = run_here(alert_settings(viewer.org_id))
    level = own_credits(account)
    return {
        "section": "credits",
        "balance": account,
        "level": level,
        "custom": found.custom,
        "rows": [
            {"text": format_credits(threshold), "low": is_low(level, threshold), "nothing": threshold == 0}
            for threshold in found.thresholds
        ],
        "room": len(found.thresholds) < MOST,
        "most": MOST,
        "forecast_days": found.forecast_days,
    }
