"""The routes of limits: budgets and pauses."""

from testkase.core.access import Scope
from testkase.entrypoints.api.route import Route
from testkase.entrypoints.api.v1.limits import schemas, views
from testkase.entrypoints.api.v1.lists import ListQuery

_SETTINGS = {
    "name": "Web team, reports", "limit": "50.00", "period": "month", "project": "WEB", "use_case": "report",
}  # fmt: skip
_BUDGET = {
    "id": "web-reports", "name": "Web team, reports", "project": "WEB", "user": None, "use_case": "report",
    "period": "month", "limit": "50.00", "extra": "0.00", "used": "12.40", "held": "0.84", "left": "36.76",
    "period_start": "2026-11-01T00:00:00.000000Z", "resets_at": "2026-12-01T00:00:00.000000Z",
}  # fmt: skip
_PAUSE = {
    "kind": "user", "ref": "ada@example.com", "reason": "A loop in the nightly job.", "burned": None, "usual": None,
    "paused_at": "2026-11-22T12:00:09.120000Z", "resumed_at": None,
}  # fmt: skip

ROUTES = (
    Route(
        method="GET", path="/budgets", run=views.list_budgets, scope=Scope.SETTINGS_READ, tag="Budgets",
        summary="List the budgets",
        description="Each as it stands now. All of them: an organization has at most 200.",
        query=ListQuery, answer=schemas.BudgetList, answer_example={"items": [_BUDGET], "next_cursor": None},
    ),
    Route(
        method="POST", path="/budgets", run=views.create_budget, scope=Scope.SETTINGS_WRITE, tag="Budgets",
        summary="Set a new budget",
        description="From then on a hold that any budget in its scope does not cover is refused with `budget_exceeded`,"
        " which names the tightest. What was used this period and what is held counts at once.",
        body=schemas.NewBudget, body_example={"id": "web-reports"} | _SETTINGS, answer=schemas.BudgetView,
        answer_example=_BUDGET, status=201, idempotent=True,
        refusals=("id_reused", "conflict", "invalid_command", "account_not_found"),
    ),
    Route(
        method="GET", path="/budgets/{budget_id}", run=views.get_budget, scope=Scope.SETTINGS_READ, tag="Budgets",
        summary="Read a budget", answer=schemas.BudgetView, answer_example=_BUDGET, refusals=("budget_not_found",),
    ),
    Route(
        method="PUT", path="/budgets/{budget_id}", run=views.change_budget, scope=Scope.SETTINGS_WRITE, tag="Budgets",
        summary="Change a budget",
        description="Everything about it is as the body says from then on; an addition for this period only is over.",
        body=schemas.BudgetSettings, body_example=_SETTINGS, answer=schemas.BudgetView, answer_example=_BUDGET,
        refusals=("budget_not_found", "invalid_command", "account_not_found"),
    ),
    Route(
        method="DELETE", path="/budgets/{budget_id}", run=views.remove_budget, scope=Scope.SETTINGS_WRITE,
        tag="Budgets", summary="Remove a budget", description="Repeating it answers the same.",
        answer=schemas.Removed, answer_example={"id": "web-reports", "state": "removed"},
        refusals=("budget_not_found", "account_not_found"),
    ),
    Route(
        method="GET", path="/pauses", run=views.list_pauses, scope=Scope.SETTINGS_READ, tag="Pauses",
        summary="List what is paused, and what was",
        description="The runaway guard pauses a user or feature that burns far more than usual. All that is paused,"
        " then the latest of what was: 200 together.",
        query=ListQuery, answer=schemas.PauseList, answer_example={"items": [_PAUSE], "next_cursor": None},
    ),
    Route(
        method="POST", path="/pauses", run=views.pause, scope=Scope.SETTINGS_WRITE, tag="Pauses",
        summary="Pause a user or a use case",
        description="New calls are refused with `paused` until resumed; calls in flight end as usual. At most 200"
        " are paused at once.",
        body=schemas.NewPause, body_example={
            "kind": "user", "ref": "ada@example.com", "reason": "A loop in the nightly job.",
        },
        answer=schemas.PauseView, answer_example=_PAUSE, status=201, idempotent=True,
        refusals=("id_reused", "invalid_command", "too_many_pauses", "account_not_found"),
    ),
    Route(
        method="POST", path="/resumptions", run=views.resume, scope=Scope.SETTINGS_WRITE, tag="Pauses",
        summary="Resume a user or a use case",
        body=schemas.Paused, body_example={"kind": "user", "ref": "ada@example.com"}, answer=schemas.PauseView,
        answer_example=_PAUSE | {"resumed_at": "2026-11-22T12:09:00.000000Z"}, idempotent=True,
        refusals=("not_paused", "id_reused", "account_not_found"),
    ),
)  # fmt: skip
