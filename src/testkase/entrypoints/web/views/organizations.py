"""Someone without an organization opens one."""

from typing import cast

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from testkase.entrypoints.web.middleware import without_organization
from testkase.entrypoints.web.offer import current_prices
from testkase.entrypoints.web.viewer import viewer_of
from testkase.foundation.problems import InvalidInput
from testkase.services.organizations.models import User
from testkase.services.organizations.operations import create_organization


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
