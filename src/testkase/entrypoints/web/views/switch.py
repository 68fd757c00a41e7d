"""The switch: the Owner turns AI on or off for the whole organization (R40, R57, R58, R64)."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from testkase.core.access import Action
from testkase.core.ledger import operations
from testkase.core.ledger.commands import SwitchAi
from testkase.core.ledger.current import current_balance
from testkase.entrypoints.web.query import form_id
from testkase.entrypoints.web.switch_card import switch_card
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.foundation.problems import InvalidInput
from testkase.services.audit import acknowledgement, record_switch
from testkase.services.organizations.tenancy import run_here


@require_http_methods(["GET", "POST"])
def switch(request: MemberRequest) -> HttpResponse:
    """What switching does and what to read before (R76), as a page or a dialog; the form does it."""
    viewer = request.viewer
    viewer.must(Action.SWITCH_AI, "Only the Owner of the organization switches AI on or off. Ask your Owner.")
    if request.method == "POST":
        messages.success(request, _throw(request))
        return redirect("ai_credits")
    balance = run_here(current_balance(viewer.org_id))
    facts = {
        "section": "credits",
        "balance": balance,
        "card": switch_card(viewer, balance),
        "acknowledged": run_here(acknowledgement(viewer.org_id)),
        "dialog": request.headers.get("HX-Target") == "dialog-body",
    }
    return render(request, "testkase/_switch_form.html" if facts["dialog"] else "testkase/switch.html", facts)


def _throw(request: MemberRequest) -> str:
    """Throw the switch; answers what to say. Sending the same form again changes nothing, whatever happened since."""
    viewer, enable, switch_id = request.viewer, _wanted(request), form_id(request.POST.get("form", ""), "switch")
    before = run_here(current_balance(viewer.org_id)).ai_enabled
    if enable != before:
        command = SwitchAi(org_id=viewer.org_id, switch_id=switch_id, enabled=enable)
        if not run_here(operations.execute_one(command)).replayed:
            run_here(record_switch(viewer.org_id, viewer.actor, enabled=enable, switch_id=switch_id))
            return "AI is on for everyone." if enable else "AI is off. Nothing is charged while it is."
    return f"That was done already. AI is {'on' if before else 'off'}."


def _wanted(request: MemberRequest) -> bool:
    enable = request.POST.get("enable")
    if enable not in ("0", "1"):
        raise InvalidInput("Say whether AI is to be on or off.", field="enable")
    if enable == "1" and request.POST.get("advice_seen") != "1":
        raise InvalidInput("Read the privacy advice first, and switch AI on beside it.", field="advice_seen")
    return enable == "1"
