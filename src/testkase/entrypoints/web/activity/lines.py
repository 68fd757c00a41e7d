"""The history as people read it: who did what, in a sentence, with the names things had."""

from dataclasses import dataclass

from testkase.core.ledger.queries import UsageRow
from testkase.entrypoints.web.activity.filters import KIND_NAMES, Filters
from testkase.entrypoints.web.names import names_of_people, names_of_projects, shown_ref
from testkase.entrypoints.web.usage import free_because
from testkase.services.audit.finding import Found
from testkase.services.audit.history import Event, Kind, Place, history_page
from testkase.services.audit.sentences import actor_name, change_sentence, usage_sentence
from testkase.services.organizations.tenancy import run_here

PAGE = 50
_ICONS: dict[Kind, str] = {"ai": "spark", "money": "credits", "people": "people", "settings": "power", "keys": "key"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event. `charged` in micro-credits and `receipt` are there for AI actions only; `project` is "—" for none."""

    event: Event
    kind: Kind
    who: str
    who_ref: str
    what: str
    project: str
    use_case: str
    charged: int | None = None
    receipt: int | None = None
    note: str = ""

    @property
    def kind_name(self) -> str:
        return KIND_NAMES[self.kind]

    @property
    def icon(self) -> str:
        return _ICONS[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """A page of the history and where the next one begins."""

    lines: list[Line]
    next: Place | None


def lines_of(org_id: int, filters: Filters, *, after: Place | None, limit: int = PAGE) -> Lines:
    """Newest first. Three look-ups name a whole page."""
    page = run_here(history_page(org_id, filters.wanted, limit=limit, after=after))
    rows = [event.usage for event in page.events if event.usage]
    changes = [event.change for event in page.events if event.change]
    actors = {one.record.actor_ref for one in changes}
    paused = {one.record.target for one in changes if one.record.action.startswith("pause.")}
    people = names_of_people(org_id, actors.union(paused, (row.user for row in rows)))
    keys = {row.project for row in rows if row.project} | {one.record.project for one in changes if one.record.project}
    projects = names_of_projects(org_id, keys)
    return Lines(lines=[_line(event, people, projects) for event in page.events], next=page.next)


def _line(event: Event, people: dict[str, str], projects: dict[str, str]) -> Line:
    if event.usage is not None:
        return _of_usage(event, event.usage, people, projects)
    assert event.change is not None
    return _of_change(event, event.change, people, projects)


def _of_usage(event: Event, row: UsageRow, people: dict[str, str], projects: dict[str, str]) -> Line:
    return Line(
        event=event, kind="ai", who=people.get(row.user, row.user),
        who_ref=shown_ref(row.user, people.get(row.user, "")), what=usage_sentence(row),
        project=projects.get(row.project, row.project) if row.project else "—", use_case=row.use_case,
        charged=row.charged, receipt=row.seq, note=free_because(row),
    )  # fmt: skip


def _of_change(event: Event, found: Found, people: dict[str, str], projects: dict[str, str]) -> Line:
    change = found.record
    now_called = people.get(change.actor_ref, "")
    return Line(
        event=event, kind=change.category, who=shown_ref(actor_name(change), now_called),
        who_ref=shown_ref(change.actor_ref, now_called),
        what=change_sentence(change, people), project=projects.get(change.project, change.project) or "—",
        use_case=change.use_case,
    )  # fmt: skip
