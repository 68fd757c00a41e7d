"""Budgets, pauses and alerts."""

from datetime import datetime
from decimal import Decimal

from msgspec import Struct


class Budget(Struct, frozen=True, kw_only=True):
    """How much may be used in a period, and how much of it is left."""

    id: str
    name: str
    project: str | None
    user: str | None
    use_case: str | None
    period: str
    limit: Decimal
    extra: Decimal
    used: Decimal
    held: Decimal
    left: Decimal
    period_start: datetime
    resets_at: datetime
    replayed: bool = False


class Removed(Struct, frozen=True, kw_only=True):
    """What is not there any more."""

    id: str
    state: str


class Pause(Struct, frozen=True, kw_only=True):
    """A user or a use case that may not call. `resumed_at`: it is over."""

    kind: str
    ref: str
    reason: str
    burned: Decimal | None
    usual: Decimal | None
    paused_at: datetime
    resumed_at: datetime | None
    replayed: bool = False


class Alerts(Struct, frozen=True, kw_only=True):
    """At which balances people are alerted, highest first. `default`: nobody has chosen others."""

    thresholds: list[Decimal]
    default: bool
    forecast_days: int
