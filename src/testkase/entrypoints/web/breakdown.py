"""Where this month's credits went: shares and daily bars by feature, user or project (R54, I11).

Everything is summed from the daily figures the ledger writes in its own transaction, in whole micro-credits: the parts
add up to This Month Usage exactly, and only what is drawn is rounded.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.safestring import SafeString

from testkase.core.ledger.calendar import local_day
from testkase.core.ledger.consumption import DayPart, Part, usage_by_day
from testkase.core.ledger.queries import Balance
from testkase.entrypoints.web.chart import BAR, GAP, draw_bars, permilles_of, write_rows
from testkase.entrypoints.web.names import names_of_parts
from testkase.services.features.names import FEATURES
from testkase.services.organizations.tenancy import run_here

NAMED = 7
"""So many parts have a colour and a line of their own; the rest are summed up in one more."""
REST = "\x00rest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One line of the breakdown. `charged` in micro-credits; `number` picks its colour."""

    number: int
    name: str
    interactions: int
    charged: int
    permille: int

    @property
    def percent(self) -> str:
        """ "37.2 %"."""
        return f"{self.permille // 10}.{self.permille % 10} %"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One day: one figure for each share, in micro-credits."""

    day: date
    amounts: list[int]

    @property
    def charged(self) -> int:
        return sum(self.amounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """The panel: what it is by, its lines, its chart."""

    part: Part
    shares: list[Share]
    interactions: int
    charged: int
    bars: list[Bar]
    highest: int
    """The top of the chart's scale, in micro-credits."""

    @property
    def width(self) -> int:
        return len(self.bars) * (BAR + GAP)

    @property
    def drawn(self) -> SafeString:
        """The bars of the chart."""
        return draw_bars(
            [(bar.day, bar.amounts) for bar in self.bars], [share.name for share in self.shares], self.highest
        )

    @property
    def figures(self) -> SafeString:
        """Days on which something was used, as rows of the table beside the chart."""
        return write_rows([(bar.day, bar.amounts) for bar in self.bars if any(bar.amounts)])


def read_days(balance: Balance, part: Part, *, back_to: date | None = None) -> list[DayPart]:
    """The month's days by the parts that have a line of their own; days before it, from `back_to` on, as a whole."""
    return run_here(
        usage_by_day(
            balance.org_id, part, first_day=balance.first_day(balance.period_number), most=NAMED + 1, back_to=back_to
        )
    )  # fmt: skip


def breakdown_of(balance: Balance, part: Part, read: list[DayPart]) -> Breakdown:
    """This month by feature, user or project, from what `read_days` answered."""
    days = _days(balance)
    rows = [row for row in read if row.day >= days[0]]
    parts = _ranked(rows, part)
    names = names_of_parts(balance.org_id, part, [one for one in parts if one != REST])
    cells: dict[tuple[date, str], int] = defaultdict(int)
    counted: dict[str, list[int]] = {one: [0, 0] for one in parts}
    for row in rows:
        own = row.part if row.part is not None and row.part in counted else REST
        cells[row.day, own] += row.charged
        counted[own][0] += row.interactions
        counted[own][1] += row.charged
    charged = sum(amount for _, amount in counted.values())
    names[REST] = "All others"
    permilles = permilles_of([counted[one][1] for one in parts])
    shares = [
        Share(number=number, name=names[one], interactions=counted[one][0], charged=counted[one][1], permille=permille)
        for number, (one, permille) in enumerate(zip(parts, permilles, strict=True), 1)
    ]
    amounts = {day: [cells[day, one] for one in parts] for day in days}
    highest = scale(max(sum(each) for each in amounts.values()))
    bars = [Bar(day=day, amounts=amounts[day]) for day in days]
    interactions = sum(count for count, _ in counted.values())
    return Breakdown(part=part, shares=shares, interactions=interactions, charged=charged, bars=bars, highest=highest)


def _ranked(rows: list[DayPart], part: Part) -> list[str]:
    """Parts by what they consumed; the product's own features always, and one for the rest where there are many."""
    total: dict[str, int] = dict.fromkeys(FEATURES, 0) if part is Part.USE_CASE else {}
    for row in rows:
        if row.part is not None:
            total[row.part] = total.get(row.part, 0) + row.charged
    others = any(row.part is None for row in rows)
    order = list(FEATURES)
    ranked = sorted(total, key=lambda one: (-total[one], order.index(one) if one in order else len(order), one))
    return ranked if len(ranked) <= NAMED + 1 and not others else [*ranked[:NAMED], REST]


def _days(balance: Balance) -> list[date]:
    """Every day of the billing month, in the billing zone."""
    first = balance.first_day(balance.period_number)
    last = date.fromisoformat(local_day(balance.time_zone, balance.period_end - 1))
    return [first + timedelta(days=index) for index in range((last - first).days + 1)]


def scale(most: int) -> int:
    """The next 1, 2 or 5 times a power of ten, in micro-credits; at least a tenth of a credit."""
    step = 100_000
    while True:
        for factor in (1, 2, 5):
            if most <= factor * step:
                return factor * step
        step *= 10


def part_of(text: str | None) -> Part:
    """What an address asks for; by feature unless it says something else that exists."""
    return Part(text) if text in list(Part) else Part.USE_CASE
