"""The guidelines of one organization (R66): the ready rules, and what its Owner and Admins have added."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from testkase.core.access import Action
from testkase.entrypoints.web.help.guidelines import GUIDELINES, as_text
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.foundation.problems import InvalidInput
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.guidelines import LONGEST, team_guidelines, write_guidelines


@require_http_methods(["GET", "POST"])
def guidelines(request: MemberRequest) -> HttpResponse:
    """Everybody reads and copies them; those who manage members add to them."""
    viewer, error = request.viewer, ""
    may_edit = viewer.can(Action.MANAGE_MEMBERS)
    draft = request.POST.get("text", "")
    if request.method == "POST":
        viewer.must(Action.MANAGE_MEMBERS, "The guidelines are written by the Owner and the Admins.")
        try:
            if run_here(write_guidelines(viewer.org_id, draft, actor=viewer.actor)):
                messages.success(request, "The guidelines of your organization are saved.")
            return redirect("guidelines")
        except InvalidInput as problem:
            error = problem.detail
    own = run_here(team_guidelines(viewer.org_id))
    facts = {
        "own": own,
        "draft": draft if error else (own.text if own else ""),
        "error": error,
        "longest": LONGEST,
        "may_edit": may_edit,
        "guidelines": GUIDELINES,
        "as_text": as_text(own.text if own else ""),
    }
    return render(request, "testkase/guidelines.html", facts, status=422 if error else 200)
