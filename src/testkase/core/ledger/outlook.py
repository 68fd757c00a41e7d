"""The forecast of an organization, or of one feature, user or project in it: the past days read, the future drawn."""

from datetime import date, timedelta

from testkase.core.ledger.calendar import local_day
from testkase.core.ledger.forecast import LOOK_BACK_DAYS, Forecast, Pot, forecast
from testkase.core.ledger.queries import Balance, lots
from testkase.foundation.database import Operation, Statement, named_statements

_SQL = named_statements("testkase.core.ledger.sql", "outlook.sql")


def outlook(
    balance: Balance, *, now: int, use_case: str | None = None, user: str | None = None, project: str | None = None
) -> Operation[Forecast | None]:
    """What to expect until the organization's reset; None: too little was used so far to say (forecast.py).

    All spendable credits count, those set aside for calls under way included. With a filter (project '': none), the
    forecast is of what that part will need, as if all the credits were there for it. `now`: microseconds UTC.
    """
    past = yield from _daily_charges(balance, now=now, use_case=use_case, user=user, project=project)
    found = yield from lots(balance.org_id)
    pots = [Pot(amount=lot.available + lot.held, expires_at=lot.expires_at) for lot in found]
    return forecast(past, pots, now=now, until=balance.period_end, time_zone=balance.time_zone)


def _daily_charges(
    balance: Balance, *, now: int, use_case: str | None, user: str | None, project: str | None
) -> Operation[list[int]]:
    """Micro-credits of each of the last days in the billing zone, up to yesterday, days without use included."""
    today = date.fromisoformat(local_day(balance.time_zone, now))
    days = [today - timedelta(days=back) for back in range(LOOK_BACK_DAYS, 0, -1)]
    rows = yield Statement(
        _SQL["daily_charges"],
        {
            "org_id": balance.org_id, "first_day": days[0], "today": today, "use_case": use_case, "user": user,
            "project": project,
        },
    )  # fmt: skip
    charged = {row["day"]: int(row["charged"]) for row in rows}
    return [charged.get(day, 0) for day in days]
