"""Invitations: sent again or withdrawn by those who manage members, accepted by the person they were sent to."""

from functools import partial
from typing import cast

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from testkase.core.access import Action
from testkase.entrypoints.web.accounts import JoinForm
from testkase.entrypoints.web.errors import answer_problem
from testkase.entrypoints.web.letters import send_invitation
from testkase.entrypoints.web.middleware import without_organization
from testkase.entrypoints.web.viewer import SESSION_ORGANIZATION, MemberRequest
from testkase.entrypoints.web.views.people import REFUSAL
from testkase.foundation.problems import Problem
from testkase.services.organizations import invitations
from testkase.services.organizations.models import Invitation, Membership, User

_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@require_POST
def renew(request: MemberRequest, invitation_id: str) -> HttpResponse:
    """Send it once more; the earlier letter stops working."""
    viewer = request.viewer
    viewer.must(Action.MANAGE_MEMBERS, REFUSAL)
    letter = invitations.renew(viewer.organization, viewer.user, invitation_id)
    transaction.on_commit(partial(send_invitation, request, letter, viewer.user))
    return redirect("people")


@require_POST
def revoke(request: MemberRequest, invitation_id: str) -> HttpResponse:
    """Withdraw it: the letter stops working."""
    request.viewer.must(Action.MANAGE_MEMBERS, REFUSAL)
    revoked = invitations.revoke(request.viewer.organization, request.viewer.user, invitation_id)
    messages.success(request, f"The invitation of {revoked.email} does not work any more.")
    return redirect("people")


@login_not_required
@without_organization
@require_http_methods(["GET", "POST"])
@never_cache
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """What the link in a letter opens: join as who one is, sign in first, or make an account that joins.

    An account made here belongs to the inviting organization and opens none of its own.
    """
    try:
        invitation = invitations.invitation_for(token)
        if request.user.is_authenticated:
            return _as_oneself(request, invitation, token)
        return _as_somebody_new(request, invitation, token)
    except Problem as problem:
        return answer_problem(request, problem)


def _as_oneself(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    person = cast(User, request.user)
    if request.method == "POST":
        return _joined(request, invitations.accept(token, person))
    facts = {"invitation": invitation, "fits": invitations.is_for(invitation, person)}
    return render(request, "testkase/invitation.html", facts)


def _as_somebody_new(request: HttpRequest, invitation: Invitation, token: str) -> HttpResponse:
    form = JoinForm(invitation.email, request.POST if request.method == "POST" else None)
    if form.is_valid():
        made = invitations.join_with_new_account(token, form.cleaned_data["name"], form.cleaned_data["password1"])
        login(request, made.user, backend=_BACKEND)
        return _joined(request, made)
    facts = {"invitation": invitation, "form": form, "has_account": invitations.has_account(invitation.email)}
    return render(request, "testkase/invitation.html", facts, status=422 if form.is_bound else 200)


def _joined(request: HttpRequest, membership: Membership) -> HttpResponse:
    request.session[SESSION_ORGANIZATION] = membership.organization_id
    messages.success(request, f"Welcome to {membership.organization.name}. You are {membership.role.capitalize()}.")
    return redirect("home")
