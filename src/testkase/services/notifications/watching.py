"""The watch over an organization's balance: reads on in its journal, and tells people what it finds.

The journal read, the alerts, the notifications and the place reached are one transaction under the lock of the watch's
row. Whatever is killed when, and however many workers look at once, each entry is folded in exactly once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from testkase.core.ledger.queries import Balance, balance
from testkase.foundation.database import Operation, Row, Statement, named_statements
from testkase.services.notifications.crossings import Alert, Reading, Watch, watch_on, with_thresholds
from testkase.services.notifications.telling import notify
from testkase.services.notifications.thresholds import checked_thresholds, default_thresholds
from testkase.services.notifications.words import low_balance

SQL = named_statements("testkase.services.notifications.sql", "alerts.sql")

READ_AT_ONCE = 2_000
"""Entries of one transaction."""

FORECAST_EVERY_SECONDS = 3_600
"""A forecast draws hundreds of futures: once an hour is soon enough for something counted in days."""

MOST_FORECAST_DAYS = 31
DEFAULT_FORECAST_DAYS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where the watch over an organization stands, and what its people chose. `behind`: there is more to read."""

    watch: Watch
    custom: bool
    forecast_days: int
    forecast_period: int
    forecast_due: bool
    behind: bool = False


def pass_quiet(*, within_seconds: float | None, limit: int) -> Operation[int]:
    """Move on, in one statement, in the journals of organizations written to lately (None: at any time) to whom nothing
    can have happened; answers how many. It leaves every watch exactly as `watch_organization` would."""
    params = {"window": _window(within_seconds), "limit": limit, "forecast_every": FORECAST_EVERY_SECONDS}
    rows = yield Statement(SQL["pass_quiet"], params)
    return int(rows[0]["passed"])


def unwatched(*, within_seconds: float | None, limit: int) -> Operation[list[int]]:
    """Organizations with something to read, among those written to lately (None: at any time). Needs no context."""
    rows = yield Statement(SQL["unwatched"], {"window": _window(within_seconds), "limit": limit})
    return [row["org_id"] for row in rows]


def watch_organization(org_id: int, *, wait: bool = False) -> Operation[Stand | None]:
    """Read on in one organization's journal. Needs its tenant context. None: another worker is at it (with `wait`, its
    end is waited for), or there is no such account."""
    stand = yield from _locked(org_id, wait=wait)
    if stand is None:
        return None
    account = yield from balance(org_id)
    watch = _on_current_thresholds(stand, account)
    rows = yield Statement(SQL["readings"], {"org_id": org_id, "seq": watch.seq, "limit": READ_AT_ONCE})
    behind = len(rows) == READ_AT_ONCE
    readings = [Reading(**row) for row in (_whole_instants(rows) if behind else rows)]
    watch, alerts = watch_on(watch, readings)
    if watch != stand.watch:
        yield Statement(SQL["keep"], {"org_id": org_id, **msgspec.structs.asdict(watch), **_lists(watch)})
    for alert in alerts:
        yield from _tell(org_id, alert, account)
    return Stand(
        watch=watch, custom=stand.custom, forecast_days=stand.forecast_days, forecast_period=stand.forecast_period,
        forecast_due=stand.forecast_due, behind=behind,
    )  # fmt: skip


def choose_thresholds(org_id: int, thresholds: Sequence[int] | None, forecast_days: int | None) -> Operation[Stand]:
    """Watch for other thresholds (None: the default ones), after everything up to now has been watched for the old.

    `forecast_days` None: as before. Raises InvalidInput for thresholds that cannot be, AccountNotFound.
    """
    chosen = None if thresholds is None else checked_thresholds(thresholds)
    account = yield from balance(org_id)
    stand = yield from watch_organization(org_id, wait=True)
    while stand is not None and stand.behind:
        stand = yield from watch_organization(org_id, wait=True)
    assert stand is not None, "an organization with an account has a watch"
    days = stand.forecast_days if forecast_days is None else forecast_days
    watch = with_thresholds(stand.watch, default_thresholds(account.monthly_allowance) if chosen is None else chosen)
    yield Statement(SQL["keep"], {"org_id": org_id, **msgspec.structs.asdict(watch), **_lists(watch)})
    yield Statement(SQL["keep_choice"], {"org_id": org_id, "custom": chosen is not None, "forecast_days": days})
    return Stand(
        watch=watch, custom=chosen is not None, forecast_days=days, forecast_period=stand.forecast_period,
        forecast_due=stand.forecast_due,
    )  # fmt: skip


def current_stand(org_id: int) -> Operation[Stand | None]:
    """Where the watch stands, without reading on. None: an organization so new that nobody has looked yet."""
    rows = yield Statement(SQL["look"], {"org_id": org_id})
    return _stand(rows[0]) if rows else None


def _window(within_seconds: float | None) -> int:
    """In microseconds; for ever: longer than any clock has run."""
    return 2**62 if within_seconds is None else int(within_seconds * 1_000_000)


def _locked(org_id: int, *, wait: bool) -> Operation[Stand | None]:
    lock = SQL["lock" if wait else "lock_free"]
    params = {"org_id": org_id, "forecast_every": FORECAST_EVERY_SECONDS}
    rows = yield Statement(lock, params)
    if not rows:
        yield Statement(SQL["begin"], {"org_id": org_id})
        rows = yield Statement(lock, params)
    return _stand(rows[0]) if rows else None


def _on_current_thresholds(stand: Stand, account: Balance) -> Watch:
    """The default thresholds follow the allowance, which a new price book may change."""
    thresholds = stand.watch.thresholds if stand.custom else default_thresholds(account.monthly_allowance)
    return stand.watch if thresholds == stand.watch.thresholds else with_thresholds(stand.watch, thresholds)


def _whole_instants(rows: list[Row]) -> list[Row]:
    """Rows of a full reading without those of its last instant, of which more may follow; all, where it is one
    instant."""
    last = rows[-1]["at"]
    return [row for row in rows if row["at"] != last] or rows


def _tell(org_id: int, alert: Alert, account: Balance) -> Operation[None]:
    crossing = {"org_id": org_id, "seq": alert.seq, "level": alert.level, "at": alert.at}
    yield Statement(SQL["crossed"], {**crossing, "thresholds": list(alert.thresholds)})
    yield from notify(org_id, low_balance(alert, account))


def _lists(watch: Watch) -> dict[str, list[int]]:
    return {"thresholds": list(watch.thresholds), "crossed": list(watch.crossed)}


def _stand(row: Row) -> Stand:
    watch = Watch(
        seq=row["seq"], level=row["level"], ai_on=row["ai_on"], thresholds=tuple(row["thresholds"]),
        crossed=tuple(row["crossed"]), crossed_seq=row["crossed_seq"],
    )  # fmt: skip
    return Stand(
        watch=watch, custom=row["custom"], forecast_days=row["forecast_days"], forecast_period=row["forecast_period"],
        forecast_due=row["forecast_due"],
    )  # fmt: skip
