"""A statement as people read it: its lines from the opening to the closing balance, and who used what, by name."""

from dataclasses import dataclass
from datetime import date

from testkase.core.ledger.consumption import Part
from testkase.core.ledger.queries import Balance
from testkase.core.ledger.statement import PeriodStatement, StatementDetail, statement
from testkase.entrypoints.web.names import names_of_parts, shown_ref
from testkase.entrypoints.web.templatetags.testkase import lot_name
from testkase.services.features.names import FEATURES
from testkase.services.organizations.tenancy import run_here

MOST_READ = 100
"""Lines of a breakdown on the page and in the PDF."""

PART_HEADINGS = {Part.USE_CASE: "Feature", Part.PROJECT: "Project", Part.USER: "User"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the sum. `amount` is signed: what it adds to the balance, in micro-credits."""

    name: str
    amount: int
    balance: bool = False
    """An opening or closing balance rather than a movement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What one feature, user or project used. `reference` is what it was recorded under; `note` tells it apart."""

    name: str
    reference: str
    interactions: int
    charged: int

    @property
    def note(self) -> str:
        return self.reference if self.reference not in ("", self.name, *FEATURES) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """Credits that expired, by the lot they came from."""

    name: str
    at: int
    granted_at: int | None
    granted: int | None
    expired: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """A statement, ready to be written down."""

    organization: str
    organization_slug: str
    period: PeriodStatement
    time_zone: str
    lines: list[Line]
    used: dict[Part, list[Used]]
    interactions: int
    gone: list[Gone]

    @property
    def title(self) -> str:
        """ "November 2026": the month in which the period begins."""
        return month_name(self.period.name)

    @property
    def adds_up(self) -> bool:
        """Whether everything on the paper agrees to the micro-credit. It always does, or the books are damaged."""
        *movements, closing = self.lines
        return (
            sum(line.amount for line in movements) == closing.amount
            and all(sum(one.charged for one in used) == self.period.used for used in self.used.values())
            and sum(one.expired for one in self.gone) == self.period.expired
        )

    @property
    def parts(self) -> list[tuple[str, list[Used]]]:
        """The breakdowns with their headings."""
        return [(PART_HEADINGS[part], self.used[part]) for part in PART_HEADINGS]

    @property
    def readable(self) -> list[tuple[str, list[Used]]]:
        """The same for reading: the largest, and one line for all others, so that it still adds up."""
        return [(heading, _largest(used)) for heading, used in self.parts]


def paper_of(organization: str, slug: str, balance: Balance, name: str) -> Paper:
    """The statement of one period. Raises NotFound for a period the organization does not have."""
    found = run_here(statement(balance, name))
    return Paper(
        organization=organization, organization_slug=slug, period=found.period, time_zone=balance.time_zone,
        lines=lines_of(found.period), used={part: _used(balance.org_id, found, part) for part in PART_HEADINGS},
        interactions=found.interactions, gone=_gone(found),
    )  # fmt: skip


def lines_of(one: PeriodStatement) -> list[Line]:
    """From the opening to the closing balance. What hardly ever happens has a line only where it did."""
    usual = [
        Line(name="Monthly allowance", amount=one.allowance),
        Line(name="Granted", amount=one.granted),
        Line(name="Bought", amount=one.bought),
        Line(name="Used", amount=-one.used),
        Line(name="Expired", amount=-one.expired),
        Line(name="Adjusted", amount=one.adjusted),
    ]
    rare = [
        Line(
            name="Given back after refunds and disputes" if one.reversed < 0 else "Taken back by refunds and disputes",
            amount=-one.reversed,
        ),
        Line(  # what a call has set aside at the end of a month is not billed with it, and may come back unused
            name="Lent beyond the balance, and billed as far as it is used"
            if one.overage > 0
            else "Lent to calls before, and given back unused",
            amount=one.overage,
        ),
        Line(name="Of it owed, because it was spent" if one.debt > 0 else "Put towards what was owed", amount=one.debt),
    ]
    return [
        Line(name="Opening balance", amount=one.opening, balance=True),
        *usual,
        *(line for line in rare if line.amount),
        Line(name="Closing balance" if one.closed else "Balance now", amount=one.closing, balance=True),
    ]


def month_name(name: str) -> str:
    """ "2026-11" → "November 2026"."""
    return f"{date.fromisoformat(f'{name}-01'):%B %Y}"


def _used(org_id: int, found: StatementDetail, part: Part) -> list[Used]:
    parts = found.parts[part]
    names = names_of_parts(org_id, part, [one.part for one in parts])
    return [
        Used(
            name=names[one.part], reference=shown_ref(one.part, names[one.part]), interactions=one.interactions,
            charged=one.charged,
        )
        for one in parts
    ]  # fmt: skip


def _largest(used: list[Used]) -> list[Used]:
    """The statement has them largest first. Programs name users and projects as they like: thousands are possible."""
    if len(used) <= MOST_READ:
        return used
    rest = used[MOST_READ - 1 :]
    others = Used(
        name=f"{len(rest):,} others (all of them are in the CSV)", reference="",
        interactions=sum(one.interactions for one in rest), charged=sum(one.charged for one in rest),
    )  # fmt: skip
    return [*used[: MOST_READ - 1], others]


def _gone(found: StatementDetail) -> list[Gone]:
    return [
        Gone(
            name=lot_name(one.source) if one.source else "Given back by a call after its credits had expired",
            at=one.at, granted_at=one.granted_at, granted=one.granted, expired=one.expired,
        )
        for one in found.expiries
    ]  # fmt: skip
