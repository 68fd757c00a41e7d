"""What the history is narrowed to, as it stands in an address; members are narrowed to themselves."""

from dataclasses import asdict, dataclass
from typing import cast
from urllib.parse import urlencode

from django.http import QueryDict

from testkase.core.access import Action
from testkase.core.ledger.consumption import kinds_of, users_of
from testkase.entrypoints.web.filters import NONE, Choices, by_name
from testkase.entrypoints.web.filters import Filters as UsageFilters
from testkase.entrypoints.web.filters import filters_of as usage_filters_of
from testkase.entrypoints.web.names import NO_PROJECT_NAME, names_of_people, names_of_projects, without_erased
from testkase.entrypoints.web.templatetags.testkase import use_case
from testkase.entrypoints.web.viewer import Viewer
from testkase.services.audit.finding import actors_of, subjects_of
from testkase.services.audit.history import KINDS, Kind, Wanted
from testkase.services.organizations.tenancy import run_here

KIND_NAMES: dict[Kind, str] = {
    "ai": "AI actions",
    "money": "Money",
    "people": "People",
    "settings": "Settings",
    "keys": "Keys and sign-in",
}
_MOST_USERS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters(UsageFilters):
    """The usage table's filters, and the kind of event. `own`: narrowed to the viewer, whatever the address says."""

    kind: Kind | None = None
    own: bool = False

    @property
    def active(self) -> bool:
        """Whether somebody has chosen anything."""
        return self != Filters(own=self.own, user=self.user if self.own else None)

    @property
    def query(self) -> str:
        """As they stand in an address; that members see themselves does not."""
        named = {
            "kind": self.kind, "use_case": self.use_case, "user": None if self.own else self.user,
            "project": self.project, "from": self.first_day and self.first_day.isoformat(),
            "to": self.last_day and self.last_day.isoformat(),
        }  # fmt: skip
        return urlencode({name: text for name, text in named.items() if text is not None})

    @property
    def wanted(self) -> Wanted:
        """The same for the history."""
        return Wanted(
            kind=self.kind, user=self.user, use_case=self.use_case, project=self.project_ref, since=self.since,
            until=self.until,
        )  # fmt: skip


def filters_of(viewer: Viewer, query: QueryDict) -> Filters:
    """The filters of a request. Who may not see everybody's activity sees their own."""
    chosen = asdict(usage_filters_of(query))
    kind = cast(Kind | None, query.get("kind") if query.get("kind") in KINDS else None)
    if viewer.can(Action.VIEW_ACTIVITY):
        return Filters(**chosen, kind=kind)
    return Filters(**{**chosen, "user": viewer.user.ref}, kind=kind, own=True)


def choices_for(org_id: int, filters: Filters) -> Choices:
    """What occurs in the history, by name: to members, what occurs in their own, and no users."""
    own = filters.user if filters.own else None
    kinds, subjects = run_here(kinds_of(org_id, user=own)), run_here(subjects_of(org_id, actor=own))
    projects = {kind.project or NONE for kind in kinds} | {one.project or NONE for one in subjects}
    use_cases = {kind.use_case for kind in kinds} | {one.use_case for one in subjects if one.use_case}
    titles = {NONE: NO_PROJECT_NAME} | names_of_projects(org_id, projects)
    return Choices(
        use_cases=_offered({slug: use_case(slug) for slug in use_cases}, filters.use_case),
        users=[] if filters.own else _offered(_users(org_id), filters.user),
        projects=_offered({key: titles.get(key, key) for key in projects}, filters.project),
    )


def _users(org_id: int) -> dict[str, str]:
    """Everybody who did anything: members by their name, others by the one they had."""
    recorded = run_here(actors_of(org_id, limit=_MOST_USERS))
    users = {*run_here(users_of(org_id, limit=_MOST_USERS)), *recorded}
    return without_erased({ref: ref for ref in users} | recorded | names_of_people(org_id, users))


def _offered(names: dict[str, str], chosen: str | None) -> list[tuple[str, str]]:
    """By name; what is chosen but does not occur stands at the end, whatever it is."""
    return by_name(names) + ([(chosen, chosen)] if chosen and chosen not in names else [])
