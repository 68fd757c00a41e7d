"""The forecast alert (B7): people are told before the credits run out, while there is still time to buy (R56).

Told once a period, and again only after the forecast had recovered: the credits were seen to last past the reset.
Quiet while AI is off. It goes to those who may buy, and names the cheapest bundle that closes the gap.
"""

from testkase.core.access import Action, OrganizationRole, can
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.credits import grouped_credits as amount
from testkase.core.ledger.forecast import Forecast
from testkase.core.ledger.outlook import outlook
from testkase.core.ledger.queries import Balance, balance
from testkase.core.pricing import Bundle, PriceBook
from testkase.foundation.database import Operation, Statement
from testkase.services.billing.settings import billing_settings
from testkase.services.notifications.telling import Notification, notify
from testkase.services.notifications.watching import SQL, Stand
from testkase.services.notifications.words import CREDITS_PAGE, in_days, reset_day, so_many_days

ARMED = -1
"""In place of the period in which people were told."""


def foresee(org_id: int, stand: Stand, book: PriceBook, *, now: int) -> Operation[bool]:
    """Look at the forecast if it is time to; answers whether people were told. Needs the organization's context and the
    lock of its watch (`watch_organization` in the same transaction). `now`: microseconds UTC."""
    if not stand.forecast_due or not stand.watch.ai_on or not stand.forecast_days:
        return False
    account = yield from balance(org_id)
    expected = yield from outlook(account, now=now)
    told_in = period_told(stand, expected, account.period_number)
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


def cheapest_cover(book: PriceBook, short: int) -> Bundle:
    """The cheapest bundle that closes a gap of so many micro-credits; the largest, where none does."""
    covering = [bundle for bundle in book.bundles if bundle.credits >= short]
    return min(covering, key=lambda bundle: bundle.price_cents) if covering else book.bundles[-1]


def running_out(
    expected: Forecast, account: Balance, book: PriceBook, *, seq: int, purchase_roles: str
) -> Notification:  # fmt: skip
    """The forecast in words."""
    bundle = cheapest_cover(book, expected.short)
    dollars, cents = divmod(bundle.price_cents, 100)
    price = f"${dollars:,}.{cents:02d}"
    left = account.available + account.held
    covers = "covers" if bundle.credits >= expected.short else "is the largest step towards"
    return Notification(
        kind="credits.running_out",
        event_key=f"credits.running_out:{account.period_number}:{seq}",
        title=f"AI credits will likely run out {in_days(expected.likely or 0)}",
        body=(
            f"{amount(left)} credits are left. At the pace of the past weeks they last"
            f" {_range(expected)}; the next {amount(account.monthly_allowance)} arrive on {reset_day(account)}."
            f" Until then about {amount(expected.short)} credits are missing: the {bundle.name} bundle"
            f" ({price}, {bundle.credits // MICRO:,} credits) {covers} that."
        ),
        link=CREDITS_PAGE,
        link_label="Open AI Credits",
        leads_to_buying=True,
        roles=tuple(
            role.value
            for role in OrganizationRole
            if can(role.value, Action.BUY_CREDITS, purchase_roles=purchase_roles)
        ),
    )


def _range(expected: Forecast) -> str:
    low, high = expected.low or 0, expected.high
    if high is None:
        return f"at least {so_many_days(low)}, perhaps until the reset"
    return so_many_days(high) if low == high else f"{low} to {so_many_days(high)}"
