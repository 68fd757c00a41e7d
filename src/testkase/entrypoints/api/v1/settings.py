"""Everything an organization has set, in one answer. Each part is changed at an address of its own."""

from msgspec import Struct

from testkase.core.access import Scope
from testkase.entrypoints.api.reply import Reply
from testkase.entrypoints.api.route import Ask, Route
from testkase.entrypoints.api.v1.alerts import AlertThresholdsView, current_alerts
from testkase.entrypoints.api.v1.billing.terms import (
    OverageView,
    PurchasingSettings,
    current_overage,
    current_purchasing,
)


class SettingsView(Struct, frozen=True, kw_only=True):
    """As GET /settings/alerts, /settings/purchasing and /settings/overage have them."""

    alerts: AlertThresholdsView
    purchasing: PurchasingSettings
    overage: OverageView


async def get_settings(ask: Ask[None]) -> Reply:
    """200 with all of them."""
    context, org_id = ask.context, ask.org_id
    return Reply(
        SettingsView(
            alerts=await current_alerts(context, org_id),
            purchasing=await current_purchasing(context, org_id),
            overage=await current_overage(context, org_id),
        )
    )


ROUTES = (
    Route(
        method="GET", path="/settings", run=get_settings, scope=Scope.SETTINGS_READ, tag="Settings",
        summary="Read everything that is set",
        description="Alerts, who may buy, and use beyond the balance. Each is changed with a PUT at its own address.",
        answer=SettingsView,
        answer_example={
            "alerts": {"thresholds": ["60.00", "15.00", "0.00"], "default": True, "forecast_days": 5},
            "purchasing": {"purchase_roles": "owner", "buyer": {"name": "", "address": "", "tax_id": ""}},
            "overage": {
                "cap_usd": "0.00", "price_usd": "0.40", "limit": "0.00", "used": "0.00", "cost_usd": "0.00",
                "resets_at": "2026-12-01T00:00:00.000000Z", "blocked": False,
            },
        },
        refusals=("account_not_found",),
    ),
)  # fmt: skip
