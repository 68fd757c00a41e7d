"""How long bought credits last (P3): a term of the bundle, counted from the payment."""

from calendar import monthrange
from datetime import datetime
from zoneinfo import ZoneInfo

from testkase.core.ledger.calendar import day_start
from testkase.core.ledger.queries import Balance


def lot_expiry(validity: str, months: int, account: Balance, now: datetime) -> int | None:
    """Microseconds UTC at which credits bought now expire; None: never. `account` is past every boundary up to now.

    So many months end with a day: the same day of that later month (or its last), where the organization is billed.
    """
    if validity == "never":
        return None
    if validity == "billing_month":
        return account.period_end
    bought = now.astimezone(ZoneInfo(account.time_zone)).date()
    year, index = divmod(bought.year * 12 + bought.month - 1 + months, 12)
    last = bought.replace(year=year, month=index + 1, day=min(bought.day, monthrange(year, index + 1)[1]))
    return day_start(account.time_zone, last.fromordinal(last.toordinal() + 1))
