"""Budgets as people see them: what each is for in words, and how much of it is gone."""

from dataclasses import dataclass

from testkase.core.ledger.limits.model import Budget, Pause
from testkase.core.ledger.limits.queries import budgets, pauses
from testkase.entrypoints.web.names import names_of_people, names_of_projects
from testkase.entrypoints.web.templatetags.testkase import use_case
from testkase.entrypoints.web.viewer import Viewer
from testkase.services.metering.limits.asking import Asked, requests_of
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.projects import list_projects

THIS = {"day": "today", "week": "this week", "month": "this billing month"}
EACH = {"day": "per day", "week": "per week", "month": "per billing month"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One budget. `used` and `held` are parts of a bar 100 wide; `state` is good, near or full."""

    budget: Budget
    about: str
    this: str
    each: str
    used: float
    held: float
    state: str
    asked: Asked | None

    @property
    def gone(self) -> float:
        """Used and held together, as a part of the bar."""
        return self.used + self.held

    @property
    def percent(self) -> int:
        """Of the limit, used and held together."""
        return round(self.gone)

    @property
    def left(self) -> int:
        return self.budget.shown_left

    @property
    def beyond(self) -> int:
        """What was used beyond the limit: where it was set below what the period had used before, or a call overran."""
        return max(self.budget.used - self.budget.allowed, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseLine:
    """Somebody or something that is paused. `name`: as people know it."""

    pause: Pause
    name: str


def cards_for(viewer: Viewer, *, everything: bool) -> list[Card]:
    """Every budget, or those that concern the viewer: the organization's, their projects' and their own."""
    found = run_here(budgets(viewer.org_id))
    if not everything:
        projects = run_here(list_projects(viewer.org_id, user_id=viewer.user.pk, sees_all=viewer.manages_projects))
        mine = {project.key for project in projects}
        found = [budget for budget in found if _concerns(budget, viewer.user.ref, mine)]
    people = names_of_people(viewer.org_id, {budget.scope.user for budget in found if budget.scope.user})
    titles = names_of_projects(viewer.org_id, {budget.scope.project for budget in found if budget.scope.project})
    own = {ask.budget_id: ask for ask in reversed(run_here(requests_of(viewer.org_id, user_id=viewer.user.pk)))}
    return [_card(budget, people, titles, own.get(budget.budget_id)) for budget in found]


def pause_lines(viewer: Viewer, *, everything: bool) -> list[PauseLine]:
    """What is paused now; of people, only the viewer, unless they see everything."""
    found = [pause for pause in run_here(pauses(viewer.org_id)) if pause.resumed_at is None]
    if not everything:
        found = [pause for pause in found if pause.kind == "use_case" or pause.ref == viewer.user.ref]
    people = names_of_people(viewer.org_id, {pause.ref for pause in found if pause.kind == "user"})
    return [
        PauseLine(pause=pause, name=people.get(pause.ref, pause.ref) if pause.kind == "user" else use_case(pause.ref))
        for pause in found
    ]


def _concerns(budget: Budget, ref: str, projects: set[str]) -> bool:
    scope = budget.scope
    return scope.user in (None, ref) and (scope.project is None or scope.project in projects)


def _card(budget: Budget, people: dict[str, str], titles: dict[str, str], asked: Asked | None) -> Card:
    scope = budget.scope
    parts = [
        titles.get(scope.project, scope.project) if scope.project else "",
        people.get(scope.user, scope.user) if scope.user else "",
        use_case(scope.use_case) if scope.use_case else "",
    ]
    used, held = _share(budget.used, budget.allowed), _share(budget.held, budget.allowed)
    used = min(used, 100)
    held = min(held, 100 - used)
    gone = used + held
    return Card(
        budget=budget, about=" · ".join(part for part in parts if part) or "Whole organization",
        this=THIS[budget.period], each=EACH[budget.period], used=used, held=held,
        state="full" if gone >= 100 else "near" if gone >= 80 else "good", asked=asked,
    )  # fmt: skip


def _share(amount: int, of: int) -> float:
    """Percent with one decimal. Of a limit of nothing everything is gone."""
    return 100.0 if of <= 0 else round(amount * 1000 / of) / 10
