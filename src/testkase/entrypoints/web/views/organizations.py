"""People open an organization, the first or another one; those who belong to several choose."""

from typing import cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from testkase.entrypoints.web.middleware import whatever_was_shown, without_organization
from testkase.entrypoints.web.offer import account_terms, current_prices
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import SESSION_ORGANIZATION, MemberRequest
from testkase.foundation.problems import Conflict, InvalidInput, NotFound
from testkase.services.organizations.models import User
from testkase.services.organizations.operations import membership_in, open_another
from testkase.services.organizations.people import MOST_OWNED, owned_by


@whatever_was_shown
@require_POST
def choose(request: MemberRequest) -> HttpResponse:
    """Work in another of one's organizations from now on; `next`: the page of ours to begin with. One that is not one's
    own answers as if it were not there."""
    org_id = number(request.POST.get("organization"))
    if org_id is None or membership_in(request.viewer.user, org_id) is None:
        raise NotFound("There is no such organization.")
    request.session[SESSION_ORGANIZATION] = org_id
    page = request.POST.get("next", "")
    ours = page.startswith("/") and url_has_allowed_host_and_scheme(page, allowed_hosts=None)
    return redirect(page if ours else "home")


@without_organization
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A form with one field: for somebody's first organization, or for another one of their own."""
    person = cast(User, request.user)
    name, error = request.POST.get("name", ""), ""
    if request.method == "POST":
        try:
            made = open_another(name, person, **account_terms())
            request.session[SESSION_ORGANIZATION] = made.pk
            messages.success(request, f"{made.name} is open, and you are its Owner. AI is off until you switch it on.")
            return redirect("home")
        except (InvalidInput, Conflict) as problem:
            error = problem.detail
    facts = {"error": error, "name": name, "full": owned_by(person) >= MOST_OWNED, "most": MOST_OWNED}
    facts["allowance"] = current_prices().monthly_allowance
    return render(request, "testkase/organization_new.html", facts, status=422 if error else 200)
