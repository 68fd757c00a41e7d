"""The forecast alert (B7): people are told before the credits run out, while there is still time to buy (R56).

Told once a period, and again only after the forecast had recovered: the credits were seen to last past the reset.
Quiet while AI is off. It goes to those who may buy, and names what the page names: so many of one bundle as close the
gap for the least.
"""

from testkase.core.access import Action, OrganizationRole, can
from testkase.core.ledger.credits import format_credits, whole_credits
from testkase.core.ledger.credits import grouped_credits as amount
from testkase.core.ledger.forecast import Forecast
from testkase.core.ledger.outlook import outlook, own_credits
from testkase.core.ledger.queries import Balance, balance
from testkase.core.pricing import PriceBook
from testkase.core.pricing.cover import cheapest
from testkase.core.pricing.money import money
from testkase.foundation.database import Operation, Statement
from testkase.services.billing.settings import billing_settings
from testkase.services.notifications.telling import Notification, notify
from testkase.services.notifications.thresholds import is_low
from testkase.services.notifications.watching import SQL, Stand
from testkase.services.notifications.words import CREDITS_PAGE, in_days, reset_day, rounded, span

ARMED = -1
"""In place of the period in which people were told."""


def foresee(org_id: int, stand: Stand, book: PriceBook, *, now: int) -> Operation[bool]:
    """Look at the forecast if it is time to; answers whether people were told. Needs the organization's context and the
    lock of its watch (`watch_organization` in the same transaction). `now`: microseconds UTC."""
    if not stand.forecast_due or not stand.watch.ai_on or not stand.forecast_days:
        return False
    account = yield from balance(org_id)
    if account.due:
        return False  # a month may be over that is not posted yet: nobody runs out of what comes with the new one
    expected = yield from outlook(account, now=now)
    # Nobody is told in advance of what has happened: that the credits are used up, or that a debt stops AI.
    over = account.debt or is_low(own_credits(account), 0)
    told_in = stand.forecast_period if over else period_told(stand, expected, account.period_number)
    yield Statement(SQL["keep_forecast"], {"org_id": org_id, "forecast_period": told_in})
    if expected is None or told_in == ARMED or told_in == stand.forecast_period:
        return False
    policy = (yield from billing_settings(org_id)).purchase_roles
    yield from notify(org_id, running_out(expected, account, book, seq=stand.watch.seq, purchase_roles=policy))
    return True


def period_told(stand: Stand, expected: Forecast | None, period_number: int) -> int:
    """The period in which people have been told, after this forecast: this one, where the credits are likely to run out
    within the days chosen; armed again, where they last; otherwise what it was."""
    if expected is None or expected.likely is None:
        return ARMED
    return period_number if expected.likely <= stand.forecast_days else stand.forecast_period


def running_out(
    expected: Forecast, account: Balance, book: PriceBook, *, seq: int, purchase_roles: str
) -> Notification:  # fmt: skip
    """The forecast in words."""
    cover = cheapest(book.bundles, expected.missing)
    return Notification(
        kind="credits.running_out",
        event_key=f"credits.running_out:{account.period_number}:{seq}",
        title=f"AI credits will likely run out {in_days(expected.likely or 0)}",
        body=(
            f"{amount(own_credits(account))} credits are left. At the pace of the past weeks they"
            f" {span(expected)}; the next {amount(account.monthly_allowance)} arrive on {reset_day(account)}."
            f" Until then about {rounded(expected.missing)} credits are missing: {cover.name}"
            f" ({money(cover.amount, cover.currency)}, {whole_credits(cover.credits)} credits) covers that."
        ),
        link=CREDITS_PAGE,
        link_label="Open AI Credits",
        leads_to_buying=True,
        facts={
            "available": format_credits(own_credits(account)), "missing": format_credits(expected.missing),
            "days_left": str(expected.likely or 0),
        },
        roles=tuple(
            role.value
            for role in OrganizationRole
            if can(role.value, Action.BUY_CREDITS, purchase_roles=purchase_roles)
        ),
    )  # fmt: skip
