"""Ask for more, decide on it, resume what is paused, and the switch of the runaway guard."""

from typing import cast

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from testkase.core.access import Action
from testkase.core.ledger.limits.model import PauseKind
from testkase.core.ledger.refusals import BudgetNotFound, NotPaused
from testkase.entrypoints.web.query import typed_credits
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.entrypoints.web.views.limits.cards import cards_for
from testkase.entrypoints.web.views.limits.pages import REFUSAL, page_facts
from testkase.foundation.ids import new_id
from testkase.foundation.problems import InvalidInput, NotFound
from testkase.services.metering.limits import asking, setting
from testkase.services.metering.limits.budgets import resume as resume_now
from testkase.services.metering.limits.naming import is_budget_id
from testkase.services.organizations.tenancy import run_here


@require_POST
def ask(request: MemberRequest, budget_id: str) -> HttpResponse:
    """Any member, for a budget that concerns them."""
    viewer = request.viewer
    everything = viewer.can(Action.SET_BUDGETS)
    if budget_id not in {card.budget.budget_id for card in cards_for(viewer, everything=everything)}:
        raise BudgetNotFound("There is no such budget.", field="id")
    request_id = request.POST.get("request_id", "") or new_id("ask")
    try:
        if not is_budget_id(request_id):
            raise InvalidInput("Open the form again and send it once more.", field="request_id")
        run_here(
            asking.ask_for_more(
                viewer.org_id, viewer.actor, user_id=viewer.user.pk, budget_id=budget_id,
                request_id=request_id,
                amount=typed_credits(request.POST.get("amount", ""), "amount"), reason=request.POST.get("reason", ""),
            )
        )  # fmt: skip
    except InvalidInput as problem:
        typed = {"amount": request.POST.get("amount", "")[:40], "reason": request.POST.get("reason", "")[:600]}
        facts = {**page_facts(request), "asking": budget_id, "problem": problem, "typed": typed}
        return render(request, "testkase/limits/budgets.html", facts, status=422)
    messages.success(request, "Your Owner and admins are told. You hear from them as soon as they decide.")
    return redirect("budgets")


@require_POST
def decide(request: MemberRequest, request_id: str) -> HttpResponse:
    """Approve, for the period or for good, or decline. Once."""
    viewer = request.viewer
    viewer.must(Action.SET_BUDGETS, REFUSAL)
    if not is_budget_id(request_id):
        raise NotFound("There is no such request.")
    decision = request.POST.get("decision", "")
    if decision not in ("period", "good", "decline"):
        raise InvalidInput("Approve or decline the request.", field="decision")
    approve = decision != "decline"
    asked = run_here(
        asking.decide_request(
            viewer.org_id, viewer.actor, user_id=viewer.user.pk, request_id=request_id, approve=approve,
            for_good=decision == "good",
        )
    )  # fmt: skip
    messages.success(request, f"{'Approved' if approve else 'Declined'}. {asked.person} is told.")
    return redirect("budgets")


@require_POST
def resume(request: MemberRequest) -> HttpResponse:
    """Allow new calls of a user or feature again; nothing where somebody else has just done so."""
    viewer = request.viewer
    viewer.must(Action.SET_BUDGETS, "What is paused is resumed by the Owner and the Admins of the organization.")
    kind, ref = request.POST.get("kind", ""), request.POST.get("ref", "")
    if kind not in ("user", "use_case"):
        raise InvalidInput("Say who or what is to be resumed.", field="kind")
    try:
        run_here(
            resume_now(viewer.org_id, viewer.actor, kind=cast(PauseKind, kind), ref=ref, change_id=new_id("resume"))
        )
    except NotPaused:
        messages.info(request, "It was resumed already.")
    else:
        messages.success(request, "Resumed. New calls are allowed again.")
    return redirect("budgets")


@require_POST
def guard(request: MemberRequest) -> HttpResponse:
    """The runaway guard, on or off."""
    viewer = request.viewer
    viewer.must(Action.SET_GUARD, "Only the Owner switches the runaway guard on or off.")
    enabled = request.POST.get("enabled") == "1"
    run_here(setting.set_guard(viewer.org_id, viewer.actor, enabled=enabled))
    messages.success(request, "The runaway guard is on." if enabled else "The runaway guard is off.")
    return redirect("budgets")
