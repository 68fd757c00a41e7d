"""The forecast of the organization, and of what the usage table is filtered to."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

from testkase.core.ledger.calendar import to_micros
from testkase.core.ledger.consumption import DayPart
from testkase.core.ledger.model import Lot
from testkase.core.ledger.outlook import daily_charges, dry_days, expected, late_months, own_credits, past_days
from testkase.core.ledger.queries import Balance
from testkase.core.ledger.statement import PeriodStatement
from testkase.core.pricing.cover import cheapest
from testkase.entrypoints.web.filters import Choices, Filters
from testkase.entrypoints.web.offer import current_prices
from testkase.entrypoints.web.outlook.words import Outlook, PartOutlook
from testkase.foundation.clock import utc_now
from testkase.services.organizations.tenancy import run_here


def look_back(balance: Balance) -> date:
    """The first day that a forecast made now goes by."""
    return past_days(balance, _now(balance))[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What a forecast goes by: micro-credits by day since `look_back`, of everything, and the days on which nothing was
    left."""

    charged: Mapping[date, int]
    dry: frozenset[date]


def past_of(balance: Balance, read: list[DayPart], months: list[PeriodStatement]) -> Past:
    """From days and months that a page has read for itself."""
    charged: dict[date, int] = defaultdict(int)
    for row in read:
        charged[row.day] += row.charged
    return Past(charged=charged, dry=dry_days(balance, charged, months, now=_now(balance)))


def outlook_of(balance: Balance, having: list[Lot], past: Past | None = None) -> Outlook:
    """The organization's forecast, with the bundle that would cover what is likely to be missing."""
    now, past = _now(balance), past or _read_past(balance)
    found = expected(balance, past.charged, having, now=now, dry=past.dry)
    outlook = Outlook(found=found, spendable=own_credits(balance), debt=balance.debt)
    missing = outlook.missing if found else 0
    return replace(outlook, cover=cheapest(current_prices().bundles, missing)) if missing else outlook


def _read_past(balance: Balance) -> Past:
    now = _now(balance)
    charged = run_here(daily_charges(balance, now=now))
    return Past(charged=charged, dry=dry_days(balance, charged, run_here(late_months(balance)), now=now))


def part_outlook(
    balance: Balance, having: list[Lot], filters: Filters, choices: Choices, past: Past
) -> PartOutlook | None:
    """The forecast of one feature, user or project, or of several of them together; None without such a filter."""
    named = ((choices.use_cases, filters.use_case), (choices.projects, filters.project), (choices.users, filters.user))
    names = [dict(offered).get(chosen, chosen) for offered, chosen in named if chosen is not None]
    if not names:
        return None
    now = _now(balance)
    charged = run_here(
        daily_charges(balance, now=now, use_case=filters.use_case, user=filters.user, project=filters.project_ref)
    )
    found = expected(balance, charged, having, now=now, dry=past.dry)
    return PartOutlook(
        name=" · ".join(names), outlook=Outlook(found=found, spendable=own_credits(balance), debt=balance.debt)
    )  # fmt: skip


def _now(balance: Balance) -> int:
    """No earlier than the last entry, whatever this server's clock says."""
    return max(to_micros(utc_now()), balance.last_at)
