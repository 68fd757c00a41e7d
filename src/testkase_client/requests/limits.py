"""Budgets, pauses and alerts."""

from collections.abc import Sequence
from typing import Any, Literal

from testkase_client.amounts import Amount, amount_text, new_id
from testkase_client.answers.limits import Alerts, Budget, Pause, Removed
from testkase_client.request import Page, Request, below, given

Period = Literal["day", "week", "month"]
Kind = Literal["user", "use_case"]


def budgets() -> Request[Page[Budget]]:
    """All budgets."""
    return Request(method="GET", path="/budgets", answer=Page[Budget])


def set_budget(
    *,
    name: str,
    limit: Amount,
    period: Period,
    project: str | None = None,
    user: str | None = None,
    use_case: str | None = None,
    id: str | None = None,
) -> Request[Budget]:
    """A new budget for a project, a user, a use case, any combination of them, or everybody."""
    body = {
        "id": id or new_id("budget"),
        **_budget(name=name, limit=limit, period=period, project=project, user=user, use_case=use_case),
    }
    return Request(method="POST", path="/budgets", body=body, answer=Budget)


def budget(budget_id: str) -> Request[Budget]:
    """One budget."""
    return Request(method="GET", path=below("budgets", budget_id), answer=Budget)


def change_budget(
    budget_id: str,
    *,
    name: str,
    limit: Amount,
    period: Period,
    project: str | None = None,
    user: str | None = None,
    use_case: str | None = None,
) -> Request[Budget]:
    """Everything about a budget is as given afterwards."""
    body = _budget(name=name, limit=limit, period=period, project=project, user=user, use_case=use_case)
    return Request(method="PUT", path=below("budgets", budget_id), body=body, answer=Budget)


def remove_budget(budget_id: str) -> Request[Removed]:
    """Remove a budget; also where it was removed before."""
    return Request(method="DELETE", path=below("budgets", budget_id), answer=Removed)


def pauses() -> Request[Page[Pause]]:
    """What is paused, and what was."""
    return Request(method="GET", path="/pauses", answer=Page[Pause])


def pause(
    *,
    kind: Kind,
    ref: str,
    reason: str,
    id: str | None = None,
) -> Request[Pause]:
    """Refuse new calls of a user or a use case."""
    body = {"id": id or new_id("pause"), "kind": kind, "ref": ref, "reason": reason}
    return Request(method="POST", path="/pauses", body=body, answer=Pause)


def resume(
    *,
    kind: Kind,
    ref: str,
    id: str | None = None,
) -> Request[Pause]:
    """Let a user or a use case call again."""
    body = {"id": id or new_id("resume"), "kind": kind, "ref": ref}
    return Request(method="POST", path="/resumptions", body=body, answer=Pause)


def alerts() -> Request[Alerts]:
    """At which balances people are alerted."""
    return Request(method="GET", path="/settings/alerts", answer=Alerts)


def set_alerts(*, thresholds: Sequence[Amount] | None, forecast_days: int) -> Request[Alerts]:
    """Both are set as given; thresholds None: the default ones."""
    chosen = None if thresholds is None else [amount_text(each) for each in thresholds]
    body = {"thresholds": chosen, "forecast_days": forecast_days}
    return Request(method="PUT", path="/settings/alerts", body=body, answer=Alerts)


def _budget(
    *, name: str, limit: Amount, period: Period, project: str | None, user: str | None, use_case: str | None
) -> dict[str, Any]:  # fmt: skip
    return given(
        name=name, limit=amount_text(limit), period=period, project=project, user=user, use_case=use_case
    )  # fmt: skip
