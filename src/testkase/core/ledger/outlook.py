"""The forecast of an organization, or of one feature, user or project in it: the past days read, the future drawn."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta

from testkase.core.ledger.calendar import local_day
from testkase.core.ledger.forecast import LOOK_BACK_DAYS, WEEK, Forecast, Pot, forecast
from testkase.core.ledger.model import OVERAGE, Lot
from testkase.core.ledger.queries import Balance, lots
from testkase.core.ledger.statement import PeriodStatement, statements
from testkase.foundation.database import Operation, Statement, named_statements

_SQL = named_statements("testkase.core.ledger.sql", "outlook.sql")
_MONTHS = 4
"""So many billing months hold the past days, this one included."""
_ALL = ("all", "")
"""The part of everything (decision 18)."""


def outlook(balance: Balance, *, now: int) -> Operation[Forecast | None]:
    """What to expect until the organization's reset; None: too little was used so far to say (forecast.py). `now`:
    microseconds UTC."""
    charged = yield from daily_charges(balance, now=now)
    having = yield from lots(balance.org_id)
    dry = dry_days(balance, charged, (yield from late_months(balance)), now=now)
    return expected(balance, charged, having, now=now, dry=dry)


def expected(
    balance: Balance, charged: Mapping[date, int], having: Sequence[Lot], *, now: int, dry: Collection[date] = ()
) -> Forecast | None:
    """The same from figures that are read already: micro-credits by day (other days than the past ones do not count),
    and lots.

    All spendable credits count, those set aside for calls under way included, but not what is lent to these beyond the
    balance (P7), and only what is left when a debt is covered: until then nothing is used (P10). With what one part was
    charged, the forecast is of what that part will need, as if all the credits were there for it. `dry`: days on which
    nothing was used because nothing was left say nothing of what is needed; they count as such weekdays usually do.
    """
    days = past_days(balance, now)
    past = _as_usual([charged.get(day, 0) for day in days], [day in dry for day in days])
    own = [lot for lot in having if lot.source != OVERAGE]
    pots = [Pot(amount=amount, expires_at=lot.expires_at) for lot, amount in _without(balance.debt, own)]
    return forecast(past, pots, now=now, until=balance.period_end, time_zone=balance.time_zone)


def late_months(balance: Balance) -> Operation[list[PeriodStatement]]:
    """The billing months that a forecast goes by."""
    return (yield from statements(balance, periods=_MONTHS))


def dry_days(
    balance: Balance, charged: Mapping[date, int], months: Sequence[PeriodStatement], *, now: int
) -> frozenset[date]:
    """The days that began with less than a day with use took, until the month ended or more was bought: whoever runs
    out in the middle of each month would else be told, at its beginning, that the credits last.

    `charged`: of everything, whatever part the forecast is of. Read backwards from what a month left, beyond a
    purchase only where nothing but use and time took from the balance: when anything else did is not known here.
    """
    today, found = date.fromisoformat(local_day(balance.time_zone, now)), set[date]()
    for month in months:
        first, end = balance.first_day(month.number), min(balance.first_day(month.number + 1), today)
        days = [first + timedelta(days=later) for later in range((end - first).days)]
        used = [charged.get(day, 0) for day in days]
        ordinary = sum(used) // max(sum(1 for one in used if one), 1)
        came = {} if month.reversed > 0 or month.adjusted < 0 else _by_day(month.grants, balance.time_zone)
        left = month.closing + (month.expired if month.closed else month.used - sum(used))
        if not month.closed and came:
            left += month.expired - sum(amount for day, amount in came.items() if day >= end)
        for day, amount in zip(reversed(days), reversed(used), strict=True):
            left += amount
            if left < ordinary:
                found.add(day)
            left -= came.get(day, 0)
    return frozenset(found)


def _by_day(grants: Iterable[tuple[int, int]], time_zone: str) -> dict[date, int]:
    found: dict[date, int] = {}
    for at, amount in grants:
        day = date.fromisoformat(local_day(time_zone, at))
        found[day] = found.get(day, 0) + amount
    return found


def _as_usual(past: list[int], dry: list[bool]) -> list[int]:
    """Each dry day as the mean of its weekday since the first use, dry days left out; where none is left, of all. A
    part that was used on nothing but such days is as it is."""
    first = next((index for index, charged in enumerate(past) if charged), len(past))
    wet = [index for index in range(first, len(past)) if not dry[index]]
    for index in [index for index in range(first, len(past)) if wet and dry[index]]:
        alike = [past[other] for other in wet if (other - index) % WEEK == 0] or [past[other] for other in wet]
        past[index] = sum(alike) // len(alike)
    return past


def own_credits(balance: Balance) -> int:
    """What the organization has of its own: available and set aside, without what is lent to calls under way (P7)."""
    return balance.available + balance.held - (balance.overage - balance.overage_used)


def _without(debt: int, having: Sequence[Lot]) -> Iterator[tuple[Lot, int]]:
    """What each lot has left when a debt is covered from the first ones."""
    for lot in having:
        covered = min(debt, lot.available + lot.held)
        debt -= covered
        yield lot, lot.available + lot.held - covered


def daily_charges(
    balance: Balance, *, now: int, use_case: str | None = None, user: str | None = None, project: str | None = None
) -> Operation[dict[date, int]]:
    """Micro-credits of each of the past days on which anything was used; with a filter (project '': none), of that."""
    days = past_days(balance, now)
    asked = {"org_id": balance.org_id, "first_day": days[0], "last_day": days[-1]}
    wanted = {"use_case": use_case, "user": user, "project": project}
    named = [(by, part) for by, part in wanted.items() if part is not None] or [_ALL]
    if len(named) > 1:
        rows = yield Statement(_SQL["daily_charges_between"], asked | wanted)
    else:
        [(by, part)] = named
        rows = yield Statement(_SQL["daily_charges"], asked | {"by": by, "part": part})
    return {row["day"]: int(row["charged"]) for row in rows}


def past_days(balance: Balance, now: int) -> list[date]:
    """The days that a forecast goes by, in the billing zone, the last one yesterday."""
    today = date.fromisoformat(local_day(balance.time_zone, now))
    return [today - timedelta(days=back) for back in range(LOOK_BACK_DAYS, 0, -1)]
