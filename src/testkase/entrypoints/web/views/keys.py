"""API keys: made, shown once, revoked."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from testkase.core.access import Action
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.foundation.problems import InvalidInput
from testkase.services.organizations.operations import api_keys_of, create_api_key, revoke_api_key

_REFUSAL = "API keys are managed by the Owner and the Admins of the organization."


@require_http_methods(["GET", "POST"])
@never_cache
def index(request: MemberRequest) -> HttpResponse:
    """The keys, and a form for a new one. The new key stands on the answer to that form and nowhere after."""
    viewer = request.viewer
    viewer.must(Action.MANAGE_API_KEYS, _REFUSAL)
    facts: dict[str, Any] = {"section": "keys", "made": None, "error": ""}
    if request.method == "POST":
        try:
            _, facts["made"] = create_api_key(viewer.organization, viewer.user, request.POST.get("name", ""))
        except InvalidInput as problem:
            facts["error"] = problem.detail
    facts["keys"] = api_keys_of(viewer.organization)
    return render(request, "testkase/api_keys.html", facts, status=422 if facts["error"] else 200)


@require_POST
def revoke(request: MemberRequest, key_id: str) -> HttpResponse:
    """End a key for good."""
    request.viewer.must(Action.MANAGE_API_KEYS, _REFUSAL)
    key = revoke_api_key(request.viewer.organization, key_id)
    messages.success(request, f"The key “{key.name}” no longer works.")
    return redirect("api_keys")
