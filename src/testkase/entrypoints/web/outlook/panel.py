"""The forecast of the organization, and of what the usage table is filtered to."""

from django.utils import timezone
from msgspec import structs

from testkase.core.ledger.calendar import from_micros, to_micros
from testkase.core.ledger.forecast import Forecast
from testkase.core.ledger.outlook import outlook
from testkase.core.ledger.queries import Balance
from testkase.entrypoints.web.filters import Choices, Filters
from testkase.entrypoints.web.offer import current_prices
from testkase.entrypoints.web.outlook.words import Outlook, PartOutlook, cheapest
from testkase.foundation.clock import utc_now
from testkase.services.organizations.tenancy import run_here


def outlook_of(balance: Balance) -> Outlook:
    """The organization's forecast, with the bundle that would cover what is likely to be missing."""
    found = run_here(outlook(balance, now=_now(balance)))
    short = (found.short or found.short_high) if found else 0
    cover = cheapest(current_prices().bundles, short) if short else None
    return Outlook(found=_seen(found, balance), spendable=balance.available + balance.held, cover=cover)


def part_outlook(balance: Balance, filters: Filters, choices: Choices) -> PartOutlook | None:
    """The forecast of one feature, user or project, or of several of them together; None without such a filter."""
    named = ((choices.use_cases, filters.use_case), (choices.projects, filters.project), (choices.users, filters.user))
    names = [dict(offered).get(chosen, chosen) for offered, chosen in named if chosen is not None]
    if not names:
        return None
    found = run_here(
        outlook(
            balance, now=_now(balance), use_case=filters.use_case, user=filters.user, project=filters.project_ref
        )
    )  # fmt: skip
    return PartOutlook(
        name=" · ".join(names), outlook=Outlook(found=_seen(found, balance), spendable=balance.available + balance.held)
    )  # fmt: skip


def _seen(found: Forecast | None, balance: Balance) -> Forecast | None:
    """Days as the viewer counts them: around midnight it is another day where they are than in the billing zone."""
    if found is None:
        return None
    reset = timezone.localdate(from_micros(balance.period_end))
    shift = max((reset - timezone.localdate()).days, 0) - found.resets_in
    low, likely, high = (None if end is None else max(end + shift, 0) for end in (found.low, found.likely, found.high))
    return structs.replace(found, low=low, likely=likely, high=high, resets_in=max(found.resets_in + shift, 0))


def _now(balance: Balance) -> int:
    """No earlier than the last entry, whatever this server's clock says."""
    return max(to_micros(utc_now()), balance.last_at)
