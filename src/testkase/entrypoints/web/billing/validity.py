"""When credits expire, in words, as it is said before paying and after (P3)."""

from datetime import datetime
from zoneinfo import ZoneInfo

from testkase.core.ledger.calendar import from_micros, to_micros
from testkase.services.notifications.words import in_days


def last_day(expires_at: int, time_zone: str) -> datetime:
    """Credits that expire at midnight are last good on the day before."""
    return from_micros(expires_at - 1).astimezone(ZoneInfo(time_zone))


def days_left(expires_at: int, time_zone: str, now: datetime) -> int:
    """From today to that last day, both where the organization is billed."""
    return max((last_day(expires_at, time_zone).date() - now.astimezone(ZoneInfo(time_zone)).date()).days, 0)


def expire_words(expires_at: int | None, time_zone: str, now: datetime) -> str:
    """ "expire on 30 Nov, in 8 days", "expired on 30 Nov" or "never expire": a sentence goes on from the credits."""
    if expires_at is None:
        return "never expire"
    last = last_day(expires_at, time_zone)
    year = "" if last.year == now.astimezone(ZoneInfo(time_zone)).year else f" {last.year}"
    if expires_at <= to_micros(now):
        return f"expired on {last.day} {last:%b}{year}"
    return f"expire on {last.day} {last:%b}{year}, {in_days(days_left(expires_at, time_zone, now))}"
