"""At which balances the Owner and the Admins are alerted: read, and set."""

from typing import Annotated

from msgspec import Meta, Struct

from testkase.core.access import Scope
from testkase.core.ledger.credits import format_credits, parse_credits
from testkase.entrypoints.api.context import Context
from testkase.entrypoints.api.fields import Credits
from testkase.entrypoints.api.reply import Reply
from testkase.entrypoints.api.route import Ask, Route
from testkase.services.notifications.settings import alert_settings, set_alerts
from testkase.services.notifications.thresholds import MOST
from testkase.services.notifications.watching import MOST_FORECAST_DAYS

_Days = Annotated[
    int,
    Meta(
        ge=0, le=MOST_FORECAST_DAYS, examples=[5],
        description="Those who may buy are told when the credits will likely last no longer than this; 0: never.",
    ),
]  # fmt: skip


class AlertThresholds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Both are set as the body says. `thresholds` null: the default ones (20 %, 5 % and 0 of the monthly allowance)."""

    thresholds: Annotated[list[Credits], Meta(max_length=MOST)] | None
    forecast_days: _Days


class AlertThresholdsView(Struct, frozen=True, kw_only=True):
    """Highest first. `default`: nobody has chosen others, so they follow the monthly allowance."""

    thresholds: list[Credits]
    default: bool
    forecast_days: _Days


async def get_alerts(ask: Ask[None]) -> Reply:
    """200 with the thresholds."""
    return Reply(await current_alerts(ask.context, ask.org_id))


async def put_alerts(ask: Ask[AlertThresholds]) -> Reply:
    """200 with the thresholds as they now are. Putting the same again changes nothing."""
    wanted = ask.body.thresholds
    chosen = None if wanted is None else [parse_credits(text, field="thresholds") for text in wanted]
    change = set_alerts(ask.org_id, ask.actor, thresholds=chosen, forecast_days=ask.body.forecast_days)
    await ask.context.database.run(change, org_id=ask.org_id)
    return Reply(await current_alerts(ask.context, ask.org_id))


async def current_alerts(context: Context, org_id: int) -> AlertThresholdsView:
    found = await context.database.run(alert_settings(org_id), org_id=org_id)
    return AlertThresholdsView(
        thresholds=[format_credits(threshold) for threshold in found.thresholds],
        default=not found.custom,
        forecast_days=found.forecast_days,
    )


_EXAMPLE = {"thresholds": ["60.00", "15.00", "0.00"], "forecast_days": 5}

ROUTES = (
    Route(
        method="GET", path="/settings/alerts", run=get_alerts, scope=Scope.SETTINGS_READ, tag="Alerts",
        summary="Read at which balances people are alerted",
        answer=AlertThresholdsView, answer_example=_EXAMPLE | {"default": True}, refusals=("account_not_found",),
    ),
    Route(
        method="PUT", path="/settings/alerts", run=put_alerts, scope=Scope.SETTINGS_WRITE, tag="Alerts",
        summary="Set at which balances people are alerted",
        description="The Owner and the Admins are told once when the balance falls to a threshold, and again only after"
        " it has risen above it. A new threshold that the balance is below already waits for the next fall.",
        body=AlertThresholds, body_example=_EXAMPLE, answer=AlertThresholdsView,
        answer_example=_EXAMPLE | {"default": False}, refusals=("account_not_found",),
    ),
)  # fmt: skip
