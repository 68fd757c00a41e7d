"""Your account: what belongs to a person rather than to one of their organizations."""

from typing import cast

from allauth.mfa.utils import is_mfa_enabled
from allauth.socialaccount.adapter import get_adapter
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from testkase.entrypoints.web.middleware import without_organization
from testkase.foundation.problems import InvalidInput
from testkase.services.organizations.models import User
from testkase.services.organizations.names import clean_name
from testkase.services.organizations.operations import memberships_of

_LONGEST_NAME = 120


@without_organization
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Name, e-mail addresses, password, two-step sign-in, sessions, organizations; the form changes the name."""
    person, error = cast(User, request.user), ""
    name = request.POST.get("name", person.name)
    if request.method == "POST":
        try:
            person.display_name = clean_name(name, _LONGEST_NAME, "Your name")
            person.save(update_fields=["display_name"])
            messages.success(request, "Your name is saved.")
            return redirect("account")
        except InvalidInput as problem:
            error = problem.detail
    facts = {
        "person": person,
        "name": name,
        "error": error,
        "memberships": memberships_of(person),
        "two_step": is_mfa_enabled(person),
        "has_providers": bool(get_adapter(request).list_apps(request)),
    }
    return render(request, "testkase/account.html", facts, status=422 if error else 200)
