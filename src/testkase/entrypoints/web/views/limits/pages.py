"""The list of budgets, and setting, changing and removing one (B8). Owner and admins set; everyone sees their own."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from testkase.core.access import Action
from testkase.core.ledger.limits.model import Budget
from testkase.core.ledger.limits.queries import budget as find_budget
from testkase.core.ledger.refusals import BudgetNotFound, InvalidCommand
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.limits.cards import cards_for, pause_lines
from testkase.entrypoints.web.views.limits.form import PERIODS, BudgetForm, choices_for, stands
from testkase.foundation.ids import new_id
from testkase.foundation.problems import Conflict, InvalidInput
from testkase.services.metering.limits import budgets as changes
from testkase.services.metering.limits.asking import MAX_REASON, requests_of
from testkase.services.metering.limits.naming import is_budget_id
from testkase.services.metering.limits.setting import guard_enabled
from testkase.services.organizations.tenancy import run_here

REFUSAL = "Budgets are set by the Owner and the Admins of the organization."


@require_safe
def index(request: MemberRequest) -> HttpResponse:
    """What is paused, who asks for more, and every budget the viewer may see."""
    return render(request, "testkase/limits/budgets.html", page_facts(request))


def page_facts(request: MemberRequest) -> dict[str, Any]:
    """Everything on the page; also where a form on it was refused."""
    viewer = request.viewer
    manages = viewer.can(Action.SET_BUDGETS)
    cards = cards_for(viewer, everything=manages)
    about = {card.budget.budget_id: (card.budget.name, card.beyond) for card in cards}
    waiting = [ask for ask in run_here(requests_of(viewer.org_id)) if ask.state == "open"] if manages else []
    return {
        "section": "credits",
        "manages": manages,
        "cards": cards,
        "waiting": [(ask, *about.get(ask.budget_id, (None, 0))) for ask in waiting],
        "pauses": pause_lines(viewer, everything=manages),
        "guarded": run_here(guard_enabled(viewer.org_id)),
        "may_switch_guard": viewer.can(Action.SET_GUARD),
        "asking": request.GET.get("ask", ""),
        "request_id": new_id("ask"),
        "longest_reason": MAX_REASON,
    }


@require_http_methods(["GET", "POST"])
def new(request: MemberRequest) -> HttpResponse:
    """A new budget. The form brings its id, so that sending it twice makes one."""
    viewer = request.viewer
    viewer.must(Action.SET_BUDGETS, REFUSAL)
    choices = choices_for(viewer)
    form = BudgetForm.sent(request.POST) if request.method == "POST" else BudgetForm()
    budget_id = request.POST.get("budget_id", "")
    if not is_budget_id(budget_id):
        budget_id = new_id("budget")
    facts = {"section": "credits", "choices": choices, "periods": PERIODS, "form": form, "budget_id": budget_id}
    if request.method == "GET":
        return render(request, "testkase/limits/budget.html", facts)
    try:
        name, limit, period, scope = form.settings(choices)
        made, _ = run_here(
            changes.create_budget(
                viewer.org_id, viewer.actor, budget_id=budget_id, name=name, limit=limit, period=period, scope=scope
            )
        )
    except (InvalidInput, InvalidCommand, Conflict) as problem:
        return render(request, "testkase/limits/budget.html", {**facts, "problem": problem}, status=422)
    messages.success(request, f"The budget “{made.name}” is set.")
    return redirect("budgets")


@require_http_methods(["GET", "POST"])
def edit(request: MemberRequest, budget_id: str) -> HttpResponse:
    """Everything about a budget."""
    viewer = request.viewer
    viewer.must(Action.SET_BUDGETS, REFUSAL)
    budget: Budget = run_here(find_budget(viewer.org_id, budget_id))
    choices = choices_for(viewer, budget)
    form = BudgetForm.sent(request.POST) if request.method == "POST" else BudgetForm.of(budget)
    facts = {"section": "credits", "choices": choices, "periods": PERIODS, "form": form, "budget": budget,
             "stands": stands(budget)}  # fmt: skip
    if request.method == "GET":
        return render(request, "testkase/limits/budget.html", facts)
    try:
        name, limit, period, scope = form.settings(choices)
        form.must_take_nothing_back(budget, limit)
        run_here(
            changes.change_budget(
                viewer.org_id, viewer.actor, budget_id=budget_id, change_id=new_id("change"), name=name, limit=limit,
                period=period, scope=scope,
            )
        )  # fmt: skip
    except (InvalidInput, InvalidCommand, Conflict) as problem:
        return render(request, "testkase/limits/budget.html", {**facts, "problem": problem}, status=422)
    messages.success(request, f"The budget “{name.strip()}” is saved.")
    return redirect("budgets")


@require_POST
def remove(request: MemberRequest, budget_id: str) -> HttpResponse:
    """It limits nothing any more. What was used stays in the usage table."""
    viewer = request.viewer
    viewer.must(Action.SET_BUDGETS, REFUSAL)
    if not is_budget_id(budget_id):
        raise BudgetNotFound("There is no such budget.", field="id")
    run_here(changes.remove_budget(viewer.org_id, viewer.actor, budget_id=budget_id))
    messages.success(request, "The budget is removed.")
    return redirect("budgets")
