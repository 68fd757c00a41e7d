"""Members of the organization: who they are, as what, and the ways in and out (P15)."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from testkase.core.access import Action
from testkase.entrypoints.web.letters import send_invitation
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import SESSION_ORGANIZATION, MemberRequest, Viewer
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.organizations import people
from testkase.services.organizations.invitations import invite, open_invitations

REFUSAL = "Members are managed by the Owner and the Admins of the organization."
_ROLES = (("member", "Member"), ("admin", "Admin"))


@require_http_methods(["GET", "POST"])
def index(request: MemberRequest) -> HttpResponse:
    """Everyone in the organization; for those who manage them also a form that invites, and what it sent."""
    viewer, facts = request.viewer, dict[str, Any]()
    if request.method == "POST":
        viewer.must(Action.MANAGE_MEMBERS, REFUSAL)
        email, role = request.POST.get("email", ""), request.POST.get("role", "")
        try:
            letter = invite(viewer.organization, viewer.user, email, role)
        except (InvalidInput, Conflict) as problem:
            facts = {"error": problem.detail, "email": email, "chosen": role}
        else:
            transaction.on_commit(partial(send_invitation, request, letter, viewer.user))
            return redirect("people")
    return render(request, "testkase/people.html", {**_facts(viewer), **facts}, status=422 if facts else 200)


@require_POST
def role(request: MemberRequest, user_id: int) -> HttpResponse:
    """Make a member an admin or an admin a member; it acts at once."""
    request.viewer.must(Action.MANAGE_MEMBERS, REFUSAL)
    changed = people.change_role(
        request.viewer.organization, request.viewer.user, user_id, request.POST.get("role", "")
    )
    messages.success(request, f"{changed.user.name} is {changed.role.capitalize()} from now on.")
    return redirect("people")


@require_POST
def remove(request: MemberRequest, user_id: int) -> HttpResponse:
    """Take somebody out of the organization."""
    request.viewer.must(Action.MANAGE_MEMBERS, REFUSAL)
    gone = people.remove_member(request.viewer.organization, request.viewer.user, user_id)
    messages.success(request, f"{gone.name} is not in the organization any more.")
    return redirect("people")


@require_POST
def leave(request: MemberRequest) -> HttpResponse:
    """Go; on to another organization, or to the page that opens one."""
    people.leave(request.viewer.organization, request.viewer.user)
    request.session.pop(SESSION_ORGANIZATION, None)
    messages.success(request, f"You have left {request.viewer.organization.name}.")
    return redirect("home")


@require_http_methods(["GET", "POST"])
def ownership(request: MemberRequest) -> HttpResponse:
    """The owner hands the organization over, typing its name."""
    viewer = request.viewer
    viewer.must(Action.TRANSFER_OWNERSHIP, "Only the Owner transfers ownership.")
    chosen, confirmation = number(request.POST.get("user")), request.POST.get("confirmation", "")
    error = ""
    if request.method == "POST":
        try:
            heir = people.transfer_ownership(viewer.organization, viewer.user, chosen or 0, confirmation=confirmation)
            messages.success(request, f"{heir.user.name} is the Owner from now on. You are Admin.")
            return redirect("people")
        except InvalidInput as problem:
            error = problem.detail
        except NotFound:
            error = "Choose a member of the organization."
    others = [one for one in people.people_of(viewer.organization) if one.user.pk != viewer.user.pk]
    facts = {"section": "people", "others": others, "chosen": chosen, "confirmation": confirmation, "error": error}
    return render(request, "testkase/ownership.html", facts, status=422 if error else 200)


def _facts(viewer: Viewer) -> dict[str, Any]:
    manages, everyone = viewer.can(Action.MANAGE_MEMBERS), people.people_of(viewer.organization)
    return {
        "section": "people",
        "manages": manages,
        "roles": _ROLES,
        "people": everyone,
        "own_keys": [name for one in everyone if one.user.pk == viewer.user.pk for name in one.api_keys],
        "invitations": open_invitations(viewer.organization) if manages else [],
        "now": timezone.now(),
        "may_transfer": viewer.can(Action.TRANSFER_OWNERSHIP),
    }
