"""The switch: the Owner turns AI on or off for the whole organization (R40, R57, R58, R64)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from testkase.core.access import Action
from testkase.core.ledger import operations
from testkase.core.ledger.commands import SwitchAi
from testkase.entrypoints.web.live import current_balance
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.foundation.ids import new_id
from testkase.foundation.problems import InvalidInput
from testkase.services.audit import acknowledgement, record_switch
from testkase.services.organizations.tenancy import run_here


@require_http_methods(["GET", "POST"])
def switch(request: MemberRequest) -> HttpResponse:
    """The page says what the switch does and what to read before (R76); the form does it."""
    viewer = request.viewer
    viewer.must(Action.SWITCH_AI, "Only the Owner of the organization switches AI on or off. Ask your Owner.")
    balance = run_here(current_balance(viewer.org_id))
    if request.method == "GET":
        facts = {"section": "credits", "balance": balance, "acknowledged": run_here(acknowledgement(viewer.org_id))}
        return render(request, "testkase/switch.html", facts)
    enable = request.POST.get("enable") == "1"
    if enable and request.POST.get("advice_seen") != "1":
        raise InvalidInput("Tick the box that says you have seen the privacy advice.", field="advice_seen")
    if enable != balance.ai_enabled:
        command = SwitchAi(org_id=viewer.org_id, switch_id=new_id("switch"), enabled=enable)
        run_here(operations.execute_one(command))
        run_here(record_switch(viewer.org_id, viewer.actor, enabled=enable, switch_id=command.switch_id))
        messages.success(request, "AI is on for everyone." if enable else "AI is off. Nothing is charged while it is.")
    return redirect("ai_credits")
