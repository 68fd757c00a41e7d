"""What alerts say: plain sentences that name the figures, and when and how things get better."""

from datetime import date

from testkase.core.ledger.calendar import local_day
from testkase.core.ledger.credits import grouped_credits as amount
from testkase.core.ledger.queries import Balance
from testkase.services.notifications.crossings import Alert
from testkase.services.notifications.telling import Notification

CREDITS_PAGE = "/settings/ai-credits"
"""Where the balance stands."""

BUY_PAGE = "/settings/ai-credits/buy"
"""Where credits are bought, by those who may."""


def low_balance(alert: Alert, account: Balance) -> Notification:
    """The alert of one crossing. Its key is the entry: the same crossing is told once."""
    if alert.lowest:
        title = f"AI credits are low: {amount(alert.level)} left"
        then = "AI goes on beyond it, up to the cap" if account.beyond else "AI features stop"
        body = (
            f"The balance has fallen to your threshold of {amount(alert.lowest)} credits. When it is used up, {then}."
            f" The next {amount(account.monthly_allowance)} credits arrive on {reset_day(account)}."
        )
    elif account.beyond and not account.debt:
        title = "AI credits are used up, and AI goes on beyond them"
        body = (
            f"{amount(alert.level)} credits are left. Use beyond the balance is allowed: {amount(account.beyond)} extra"
            " credits can still be used in this billing month, and they are billed when it ends. Bought credits cost"
            f" far less and are used first; the next {amount(account.monthly_allowance)} credits arrive on"
            f" {reset_day(account)}."
        )
    else:
        title = "AI credits are used up"
        back = "bring them back at once"
        if account.debt:
            back = f"cover the debt of {amount(account.debt)} credits first, and bring them back with what is more"
        body = (
            f"{amount(alert.level)} credits are left, less than any AI call costs: AI features have stopped. Bought"
            f" credits {back}; the next {amount(account.monthly_allowance)} credits arrive on {reset_day(account)}."
        )
    return Notification(
        kind="credits.low" if alert.lowest else "credits.used_up",
        event_key=f"credits.low:{alert.seq}",
        title=title,
        body=body,
        link=CREDITS_PAGE,
        link_label="Open AI Credits",
        leads_to_buying=True,
    )


def reset_day(account: Balance) -> str:
    """The day on which the next allowance arrives, in the billing zone: "1 December 2026"."""
    return day_name(local_day(account.time_zone, account.period_end))


def in_days(days: int) -> str:
    """ "today", "tomorrow", "in 8 days"."""
    return {0: "today", 1: "tomorrow"}.get(days, f"in {days} days")


def so_many_days(days: int) -> str:
    """How long something lasts: "less than a day", "1 day", "8 days"."""
    return {0: "less than a day", 1: "1 day"}.get(days, f"{days} days")


def day_name(day: str) -> str:
    """ "2026-12-01" → "1 December 2026"."""
    found = date.fromisoformat(day)
    return f"{found.day} {found:%B %Y}"
