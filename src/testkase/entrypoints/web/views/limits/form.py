"""The form of a budget: what is chosen, what can be, and what comes of it."""

from dataclasses import dataclass
from typing import cast

from django.http import QueryDict

from testkase.core.ledger.consumption import kinds_of
from testkase.core.ledger.credits import whole_credits
from testkase.core.ledger.limits.model import Budget, Period, Scope
from testkase.entrypoints.web.names import names_of_people
from testkase.entrypoints.web.query import typed_credits
from testkase.entrypoints.web.templatetags.testkase import use_case
from testkase.entrypoints.web.viewer import Viewer
from testkase.foundation.problems import Conflict, InvalidInput
from testkase.services.features.names import FEATURES
from testkase.services.metering.limits.budgets import EACH
from testkase.services.organizations.people import people_of
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.projects import list_projects

PERIODS = (("day", "Day"), ("week", "Week, from Monday"), ("month", "Billing month"))
Choice = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What a scope can be made of: reference and name. Nothing chosen means all."""

    projects: list[Choice]
    users: list[Choice]
    use_cases: list[Choice]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetForm:
    """The fields as they stand on the page."""

    name: str = ""
    limit: str = ""
    period: str = "month"
    project: str = ""
    user: str = ""
    use_case: str = ""
    shown: str = ""
    """How the budget stood on the page that was sent."""

    @classmethod
    def of(cls, budget: Budget) -> "BudgetForm":
        scope = budget.scope
        return cls(
            name=budget.name, limit=whole_credits(budget.limit), period=budget.period, project=scope.project or "",
            user=scope.user or "", use_case=scope.use_case or "",
        )  # fmt: skip

    @classmethod
    def sent(cls, post: QueryDict) -> "BudgetForm":
        return cls(**{field: post.get(field, "")[:200] for field in cls.__dataclass_fields__})

    def settings(self, choices: Choices) -> tuple[str, int, Period, Scope]:
        """Name, limit, period, scope. Raises InvalidInput naming the field."""
        if not 1 <= len(self.name.strip()) <= 80:
            raise InvalidInput("Give the budget a name of 1 to 80 characters.", field="name")
        limit = typed_credits(self.limit, "limit")
        if self.period not in dict(PERIODS):
            raise InvalidInput("Choose a period from the list.", field="period")
        _offered(self.project, choices.projects, "project")
        _offered(self.user, choices.users, "user")
        _offered(self.use_case, choices.use_cases, "use_case")
        scope = Scope(project=self.project or None, user=self.user or None, use_case=self.use_case or None)
        return self.name, limit, cast(Period, self.period), scope

    def must_take_nothing_back(self, budget: Budget, limit: int) -> None:
        """Whoever saves a page would undo what was approved while it was open. Raises Conflict."""
        if self.shown in ("", stands(budget)) or (budget.limit, budget.extra) == (limit, 0):
            return
        now = f"{whole_credits(budget.allowed)} credits a {EACH[budget.period]}"
        raise Conflict(f"Somebody has changed this budget since you opened it: {now} now. Look and save again.")


def stands(budget: Budget) -> str:
    """How a budget stands, as a form can bring it back: its limit, and what was added to it for the period."""
    return f"{budget.limit}+{budget.extra}"


def choices_for(viewer: Viewer, budget: Budget | None = None) -> Choices:
    """Projects, members and features that exist; and what a budget is for already, even where it is gone."""
    org_id = viewer.org_id
    projects = run_here(list_projects(org_id, user_id=viewer.user.pk, sees_all=True))
    slugs = dict.fromkeys([*FEATURES, *sorted({kind.use_case for kind in run_here(kinds_of(org_id))})])
    scope = budget.scope if budget is not None else Scope()
    names = names_of_people(org_id, [scope.user] if scope.user else [])
    return Choices(
        projects=_with([(project.key, project.name) for project in projects], scope.project),
        users=_with([(one.user.ref, one.user.name) for one in people_of(viewer.organization)], scope.user, names),
        use_cases=_with([(slug, use_case(slug)) for slug in slugs], scope.use_case),
    )


def _with(choices: list[Choice], chosen: str | None, names: dict[str, str] | None = None) -> list[Choice]:
    if chosen is None or chosen in dict(choices):
        return choices
    return [*choices, (chosen, (names or {}).get(chosen, chosen))]


def _offered(value: str, choices: list[Choice], field: str) -> None:
    if value and value not in dict(choices):
        raise InvalidInput("Choose from the list.", field=field)
