"""The last billing months beside each other: a row and a pair of bars each."""

from dataclasses import dataclass

from testkase.core.ledger.queries import Balance
from testkase.core.ledger.statement import YEAR, PeriodStatement, statements
from testkase.entrypoints.web.breakdown import scale
from testkase.entrypoints.web.statements.paper import month_name
from testkase.services.organizations.tenancy import run_here

_SLOT, _BAR, _HEIGHT = 40, 11, 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """A row. Amounts in micro-credits; `came` is the allowance and what was granted."""

    period: PeriodStatement
    title: str

    @property
    def came(self) -> int:
        return self.period.allowance + self.period.granted

    @property
    def corrected(self) -> int:
        """What else moved the balance: corrections, refunds, overage and debt."""
        return self.period.adjusted - self.period.reversed + self.period.overage + self.period.debt


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthBar:
    """A bar of the chart, in the chart's own units."""

    number: int
    left: int
    top: str
    height: str
    says: str
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The panel. `older` is the name of the first month not shown, None where there is none."""

    months: list[Month]
    bars: list[MonthBar]
    highest: int
    """The top of the chart's scale, in micro-credits."""
    older: str | None

    @property
    def width(self) -> int:
        return max(len(self.months), 6) * _SLOT

    @property
    def gathers(self) -> bool:
        """Whether a figure under *Adjusted* is more than the statement calls so."""
        return any(one.corrected != one.period.adjusted for one in self.months)

    @property
    def grants(self) -> bool:
        """Whether more than the allowance stands under *Granted*; the statement names the two apart."""
        return any(one.period.granted for one in self.months)

    @property
    def span(self) -> str:
        """The months shown, in words."""
        oldest, newest = self.months[-1].title, self.months[0].title
        return newest if oldest == newest else f"{oldest} to {newest}"


def history_of(balance: Balance, *, before: str | None = None) -> History:
    """A year of months, newest first, up to the one that runs or to before one that is named."""
    found = run_here(statements(balance, periods=YEAR + 1, before=before))
    shown = found[:YEAR]
    highest = scale(max((max(one.used, one.expired) for one in shown), default=0))
    bars = [bar for index, one in enumerate(reversed(shown)) for bar in _bars(index, one, highest)]
    return History(
        months=[Month(period=one, title=month_name(one.name)) for one in shown], bars=bars, highest=highest,
        older=shown[-1].name if len(found) > YEAR else None,
    )  # fmt: skip


def _bars(index: int, one: PeriodStatement, highest: int) -> list[MonthBar]:
    title, left = month_name(one.name), index * _SLOT + _SLOT // 2 - _BAR
    return [
        _bar(number, left + shift, amount, highest, f"{title}, {what}")
        for number, shift, what, amount in ((1, 0, "used", one.used), (8, _BAR + 1, "expired", one.expired))
    ]


def _bar(number: int, left: int, amount: int, highest: int, says: str) -> MonthBar:
    hundredths = amount * _HEIGHT * 100 // highest
    return MonthBar(
        number=number, left=left, top=_decimal(_HEIGHT * 100 - hundredths), height=_decimal(hundredths), says=says,
        amount=amount,
    )  # fmt: skip


def _decimal(hundredths: int) -> str:
    return f"{hundredths // 100}.{hundredths % 100:02d}"
