"""The usage table as people read it: ledger rows with the names behind the references."""

from dataclasses import dataclass

from testkase.core.ledger import queries
from testkase.core.ledger.queries import UsageRow
from testkase.entrypoints.web.filters import NONE, Choices, Filters
from testkase.entrypoints.web.names import names_of_people, names_of_projects, shown_ref
from testkase.services.organizations.tenancy import run_here

PAGE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageLine:
    """A row of the usage table. Someone or something that is gone keeps the reference it was recorded under (P11)."""

    row: UsageRow
    user: str
    project: str

    @property
    def user_ref(self) -> str:
        """What the user is recorded under, as people may see it."""
        return shown_ref(self.row.user, self.user)

    @property
    def free_because(self) -> str:
        """Why nothing was charged; empty where something was."""
        return free_because(self.row)

    @property
    def cut_off(self) -> bool:
        """Whether less came than was asked for. Where the model failed or refused, there was nothing to cut."""
        return self.row.measurement == "partial" and self.row.outcome not in ("failed", "refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class UsagePage:
    """A page of the table and the key of the next one."""

    lines: list[UsageLine]
    next: int | None

    @property
    def newest(self) -> int:
        """The number of the first row; 0 where there is none."""
        return self.lines[0].row.seq if self.lines else 0


def usage_page(
    org_id: int, filters: Filters, *, before: int | None = None, limit: int = PAGE, known: Choices | None = None
) -> UsagePage:
    """Newest first, by key: the cost of a page does not depend on the history behind it. `known`: names that the page
    has looked up already."""
    rows = run_here(
        queries.usage_page(
            org_id, limit=limit + 1, before_seq=before, since=filters.since, until=filters.until,
            use_case=filters.use_case, user=filters.user, project=filters.project_ref,
        )
    )  # fmt: skip
    shown = rows[:limit]
    return UsagePage(lines=named(org_id, shown, known), next=shown[-1].seq if len(rows) > limit else None)


def newer_than(org_id: int, filters: Filters, after: int) -> tuple[UsagePage, bool]:
    """Interactions above a number, newest first, and whether there are more of them than a page shows."""
    page = usage_page(org_id, filters)
    lines = [line for line in page.lines if line.row.seq > after]
    return UsagePage(lines=lines, next=None), len(lines) == len(page.lines) and page.next is not None


def named(org_id: int, rows: list[UsageRow], known: Choices | None = None) -> list[UsageLine]:
    """Rows with display names: at most two look-ups for a whole page."""
    people = dict(known.users) if known else {}
    projects = {key: name for key, name in known.projects if key != NONE} if known else {}
    people |= names_of_people(org_id, {row.user for row in rows} - people.keys())
    projects |= names_of_projects(org_id, {row.project for row in rows if row.project} - projects.keys())
    return [
        UsageLine(
            row=row,
            user=people.get(row.user, row.user),
            project=projects.get(row.project, row.project) if row.project else "—",
        )
        for row in rows
    ]


def free_because(row: UsageRow) -> str:
    """In plain words, why an interaction cost 0 credits (B10). A cost that could not be charged was no reason."""
    if row.charged or row.cost:
        return ""
    return {"failed": "the model failed", "refused": "the model refused", "cancelled": "nothing was delivered"}.get(
        row.outcome, ""
    )
