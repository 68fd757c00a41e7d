"""The usage table's filters as they stand in an address: whatever does not make sense is left out."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from html import escape
from unicodedata import category
from urllib.parse import urlencode

from django.http import QueryDict
from django.utils import timezone
from django.utils.safestring import SafeString

from testkase.core.ledger.calendar import to_micros
from testkase.core.ledger.consumption import NO_PROJECT, kinds_of, users_of
from testkase.entrypoints.web.names import NO_PROJECT_NAME, names_of_people, names_of_projects, without_erased
from testkase.entrypoints.web.templatetags.testkase import use_case
from testkase.services.organizations.tenancy import run_here

NONE = "—"
"""What "no project" is called, on the page and in the address."""
_LONGEST = 320
_YEARS = range(2000, 2200)
_MOST_USERS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What the table is narrowed to; None: not by this. Days are the viewer's, both included."""

    use_case: str | None = None
    user: str | None = None
    project: str | None = None
    first_day: date | None = None
    last_day: date | None = None

    @property
    def active(self) -> bool:
        return self != Filters()

    @property
    def backwards(self) -> bool:
        """Whether the first day is after the last one."""
        return self.first_day is not None and self.last_day is not None and self.first_day > self.last_day

    @property
    def since(self) -> int | None:
        """The first instant, in microseconds."""
        return None if self.first_day is None else _midnight(self.first_day)

    @property
    def until(self) -> int | None:
        """The first instant that is too late, in microseconds."""
        return None if self.last_day is None else _midnight(self.last_day + timedelta(days=1))

    @property
    def project_ref(self) -> str | None:
        """The project as the ledger knows it."""
        return NO_PROJECT if self.project == NONE else self.project

    @property
    def query(self) -> str:
        """The filters as they stand in an address."""
        named = {
            "use_case": self.use_case, "user": self.user, "project": self.project,
            "from": self.first_day and self.first_day.isoformat(), "to": self.last_day and self.last_day.isoformat(),
        }  # fmt: skip
        return urlencode({name: text for name, text in named.items() if text is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What each filter offers: value and name."""

    use_cases: list[tuple[str, str]]
    users: list[tuple[str, str]]
    projects: list[tuple[str, str]]
    chosen: Filters = Filters()

    @property
    def use_case_options(self) -> SafeString:
        return _options(self.use_cases, self.chosen.use_case)

    @property
    def user_options(self) -> SafeString:
        return _options(self.users, self.chosen.user)

    @property
    def project_options(self) -> SafeString:
        return _options(self.projects, self.chosen.project)


def filters_of(query: QueryDict) -> Filters:
    """The filters of a request."""
    return Filters(
        use_case=_text(query.get("use_case")),
        user=_text(query.get("user")),
        project=_text(query.get("project")),
        first_day=_day(query.get("from")),
        last_day=_day(query.get("to")),
    )


def choices_for(org_id: int, filters: Filters) -> Choices:
    """Everything that occurs in the usage, by name, and what is chosen now even where it does not occur."""
    kinds = run_here(kinds_of(org_id))
    users = {*run_here(users_of(org_id, limit=_MOST_USERS)), *([filters.user] if filters.user else [])}
    projects = {kind.project or NONE for kind in kinds} | ({filters.project} if filters.project else set())
    use_cases = {kind.use_case for kind in kinds} | ({filters.use_case} if filters.use_case else set())
    people = {ref: ref for ref in users} | names_of_people(org_id, users)
    titles = names_of_projects(org_id, projects)
    return Choices(
        use_cases=by_name({slug: use_case(slug) for slug in use_cases}),
        users=by_name(without_erased(people)),
        projects=by_name({key: titles.get(key, NO_PROJECT_NAME if key == NONE else key) for key in projects}),
        chosen=filters,
    )


def _options(offered: list[tuple[str, str]], chosen: str | None) -> SafeString:
    """Written straight as markup: hundreds of users through the template's own loop would take longer than the page."""
    return SafeString(
        "".join(
            f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>{escape(name)}</option>'
            for value, name in offered
        )
    )


def by_name(names: dict[str, str]) -> list[tuple[str, str]]:
    """Values and their names, in the order of the names."""
    return sorted(names.items(), key=lambda item: (item[1].casefold(), item[0]))


def _text(text: str | None) -> str | None:
    """None for nothing, and for what nothing can be recorded under: programs name users in every script, and with all
    signs but control characters."""
    return text if text and len(text) <= _LONGEST and not any(category(one) == "Cc" for one in text) else None


def _day(text: str | None) -> date | None:
    try:
        day = date.fromisoformat(text or "")
    except ValueError:
        return None
    return day if day.year in _YEARS else None


def _midnight(day: date) -> int:
    return to_micros(datetime.combine(day, time(), tzinfo=timezone.get_current_timezone()))
