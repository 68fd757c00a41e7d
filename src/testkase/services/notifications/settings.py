"""What an organization chose to be alerted of: read and changed by people and by programs alike."""

from collections.abc import Sequence
from dataclasses import dataclass

from testkase.core.ledger.credits import grouped_credits
from testkase.core.ledger.queries import balance
from testkase.foundation.database import Operation
from testkase.foundation.problems import InvalidInput
from testkase.services.audit import Activity, Actor, record
from testkase.services.notifications.thresholds import default_thresholds
from testkase.services.notifications.watching import (
    DEFAULT_FORECAST_DAYS,
    MOST_FORECAST_DAYS,
    Stand,
    choose_thresholds,
    current_stand,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Thresholds in micro-credits, highest first. `custom`: chosen, not the default ones, which follow the allowance.
    `forecast_days`: people are told when the credits likely last no longer; 0: never."""

    thresholds: tuple[int, ...]
    custom: bool
    forecast_days: int


def alert_settings(org_id: int) -> Operation[AlertSettings]:
    """As they stand. Needs the organization's tenant context. Raises AccountNotFound."""
    account = yield from balance(org_id)
    stand = yield from current_stand(org_id)
    if stand is not None and stand.custom:
        return _settings(stand)
    days = stand.forecast_days if stand is not None else DEFAULT_FORECAST_DAYS
    default = default_thresholds(account.monthly_allowance)
    return AlertSettings(thresholds=default, custom=False, forecast_days=days)


def set_alerts(
    org_id: int, actor: Actor, *, thresholds: Sequence[int] | None, forecast_days: int | None
) -> Operation[bool]:
    """Choose thresholds (micro-credits; None: the default ones) and days (None: as before); answers whether anything is
    different now. Recorded in the activity history. Raises InvalidInput naming the field, AccountNotFound."""
    if forecast_days is not None and not 0 <= forecast_days <= MOST_FORECAST_DAYS:
        raise InvalidInput(f"Choose 0 (never) to {MOST_FORECAST_DAYS} days.", field="forecast_days")
    before = yield from alert_settings(org_id)
    chosen = None if not before.custom and thresholds is not None and _same(before, thresholds) else thresholds
    after = _settings((yield from choose_thresholds(org_id, chosen, forecast_days)))
    if after == before:
        return False
    details = {
        "from": _words(before.thresholds), "to": _words(after.thresholds), "default": str(not after.custom).lower(),
        "forecast_days": str(after.forecast_days),
    }  # fmt: skip
    yield from record(org_id, Activity(action="alerts.changed", actor=actor, target="Alerts", details=details))
    return True


def _same(before: AlertSettings, thresholds: Sequence[int]) -> bool:
    """Saving a form that shows the default ones, unchanged, does not make them one's own."""
    return set(before.thresholds) == set(thresholds)


def _settings(stand: Stand) -> AlertSettings:
    return AlertSettings(thresholds=stand.watch.thresholds, custom=stand.custom, forecast_days=stand.forecast_days)


def _words(thresholds: Sequence[int]) -> str:
    return ", ".join(grouped_credits(threshold) for threshold in thresholds) or "none"
