"""Someone without an organization opens one; someone with several chooses."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from testkase.entrypoints.web.middleware import without_organization
from testkase.entrypoints.web.offer import current_prices
from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import SESSION_ORGANIZATION, MemberRequest, viewer_of
from testkase.foundation.problems import InvalidInput, NotFound
from testkase.services.organizations.models import User
from testkase.services.organizations.operations import create_organization, membership_in


@require_POST
def choose(request: MemberRequest) -> HttpResponse:
    """Work in another of one's organizations from now on. One that is not one's own answers as if it were not there."""
    org_id = number(request.POST.get("organization"))
    if org_id is None or membership_in(request.viewer.user, org_id) is None:
        raise NotFound("There is no such organization.")
    request.session[SESSION_ORGANIZATION] = org_id
    return redirect("home")


@without_organization
@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """A form with one field; whoever belongs to an organization already goes on to it."""
    if viewer_of(request) is not None:
        return redirect("home")
    error = ""
    if request.method == "POST":
        try:
            allowance = current_prices().monthly_allowance
            create_organization(request.POST.get("name", ""), cast(User, request.user), monthly_allowance=allowance)
            return redirect("home")
        except InvalidInput as problem:
            error = problem.detail
    return render(request, "testkase/organization_new.html", {"error": error}, status=422 if error else 200)
