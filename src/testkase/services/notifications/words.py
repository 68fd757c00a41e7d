"""What alerts say: plain sentences that name the figures, and when and how things get better."""

from datetime import date

from testkase.core.ledger.calendar import local_day
from testkase.core.ledger.credits import MICRO, format_credits
from testkase.core.ledger.credits import grouped_credits as amount
from testkase.core.ledger.forecast import Forecast
from testkase.core.ledger.queries import Balance
from testkase.core.pricing.money import money
from testkase.services.notifications.crossings import Alert
from testkase.services.notifications.telling import Notification

CREDITS_PAGE = "/settings/ai-credits"
"""Where the balance stands."""

BUY_PAGE = "/settings/ai-credits/buy"
"""Where credits are bought, by those who may."""

OVERAGE = "/settings/billing#overage"
"""Where the Owner says how far use beyond the balance goes."""


def low_balance(alert: Alert, account: Balance) -> Notification:
    """The alert of one crossing. Its key is the entry: the same crossing is told once."""
    if alert.lowest:
        title = f"AI credits are low: {amount(alert.level)} left"
        then = "When it is used up, " + (
            "AI goes on beyond it, up to the cap" if account.beyond else "AI features stop"
        )
        if account.debt:
            then = f"AI rests until the {amount(account.debt)} credits that are owed are covered"
        body = (
            f"The balance has fallen to your threshold of {amount(alert.lowest)} credits. {then}."
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
        facts={"available": format_credits(alert.level), "threshold": format_credits(alert.lowest)},
    )


def cap_is_near(account: Balance, left: int, *, cap_cents: int) -> Notification:
    """The alert of use beyond the balance. `left`: extra credits. Its key is the month and the cap, so that a higher
    one is told of again."""
    limit, cap = amount(account.overage_limit), f"your cap of {money(cap_cents, 'USD')} a month"
    if left:
        title = f"Use beyond the balance is near its cap: {amount(left)} extra credits left"
        body = (
            f"Of the {limit} extra credits that {cap} allows, {amount(account.overage_used)} have been used. When the"
            " rest does not cover a call, it is refused. Bought credits cost far less and are used first; the Owner can"
            " also set a higher cap under Plans & Billing."
        )
    else:
        title = "Use beyond the balance has reached its cap"
        body = (
            f"All {limit} extra credits that {cap} allows have been used: AI features have stopped. Bought credits"
            " bring them back at once, and so does a higher cap, which the Owner sets under Plans & Billing."
        )
    return Notification(
        kind="overage.low" if left else "overage.used_up",
        event_key=f"overage.{'low' if left else 'used_up'}:{account.period_number}.{account.overage_limit}",
        title=title,
        body=f"{body} The next {amount(account.monthly_allowance)} credits arrive on {reset_day(account)}.",
        link=OVERAGE,
        link_label="Open Plans & Billing",
        leads_to_buying=True,
        facts={"extra_left": format_credits(left), "extra_limit": format_credits(account.overage_limit)},
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


def rounded(microcredits: int, *, beside: int = 0) -> str:
    """Whole credits from ten on, up: a forecast to the hundredth would promise more than it knows. `beside`: the other
    end of a range, which is written alike."""
    if max(microcredits, beside) >= 10 * MICRO:
        return f"{-(-microcredits // MICRO):,}"
    return format_credits(-(-microcredits // 10_000) * 10_000)


def span(expected: Forecast) -> str:
    """When the credits run out, of a forecast in which that is likely: "last 4 to 7 days", "run out tomorrow"."""
    low, likely, high = expected.low or 0, expected.likely or 0, expected.high
    if high is None:
        return (
            f"run out {in_days(likely)}"
            if likely == low
            else f"last about {so_many_days(likely)}, perhaps {so_many_days(low)} only"
        )
    if low == high:
        return f"run out {in_days(low)}"
    return f"last {low} to {so_many_days(high)}" if low else f"last at most {so_many_days(high)}"


def day_name(day: str) -> str:
    """ "2026-12-01" → "1 December 2026"."""
    found = date.fromisoformat(day)
    return f"{found.day} {found:%B %Y}"
