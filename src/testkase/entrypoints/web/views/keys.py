"""API keys: made with chosen scopes, shown once, revoked."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from testkase.core.access import DEFAULT_SCOPES, Action, Scope, parse_scopes
from testkase.entrypoints.web.help.words import SCOPES
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.foundation.problems import Forbidden, InvalidInput
from testkase.services.organizations.keys import (
    LIFETIMES,
    api_keys_of,
    create_api_key,
    revoke_api_key,
    scopes_to_give,
)

_REFUSAL = "API keys are managed by the Owner and the Admins of the organization."
_ENDS = (("", "Until it is revoked"), ("30", "30 days"), ("90", "90 days"), ("365", "1 year"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A scope on the form."""

    scope: Scope
    name: str
    meaning: str
    chosen: bool


@require_http_methods(["GET", "POST"])
@never_cache
def index(request: MemberRequest) -> HttpResponse:
    """The keys, and a form for a new one. The new key stands on the answer to that form and nowhere after."""
    viewer = request.viewer
    viewer.must(Action.MANAGE_API_KEYS, _REFUSAL)
    facts: dict[str, Any] = {"section": "keys", "made": None, "problem": None, "name": "", "end": ""}
    chosen: frozenset[str] = frozenset(DEFAULT_SCOPES)
    if request.method == "POST":
        chosen = frozenset(request.POST.getlist("scopes"))
        try:
            _, facts["made"] = _make(request, chosen)
        except (InvalidInput, Forbidden) as problem:
            facts |= {"problem": problem, "field": problem.field, "name": request.POST.get("name", "")}
            facts["end"] = request.POST.get("end", "")
        else:
            chosen = frozenset(DEFAULT_SCOPES)
    facts |= {"keys": api_keys_of(viewer.organization), "choices": _choices(request, chosen), "ends": _ENDS}
    return render(request, "testkase/api_keys.html", facts, status=422 if facts["problem"] else 200)


@require_POST
def revoke(request: MemberRequest, key_id: str) -> HttpResponse:
    """End a key for good."""
    request.viewer.must(Action.MANAGE_API_KEYS, _REFUSAL)
    key = revoke_api_key(request.viewer.organization, request.viewer.user, key_id)
    messages.success(request, f"The key “{key.name}” no longer works.")
    return redirect("api_keys")


def _make(request: MemberRequest, scopes: frozenset[str]) -> tuple[Any, str]:
    viewer, end = request.viewer, request.POST.get("end", "")
    if end and end not in LIFETIMES:
        raise InvalidInput("Choose how long the key lives from the list.", field="end")
    if not scopes:
        raise InvalidInput("Choose at least one thing the key may do.", field="scopes")
    return create_api_key(
        viewer.organization,
        viewer.user,
        request.POST.get("name", ""),
        parse_scopes(scopes),
        lifetime=LIFETIMES.get(end),
    )


def _choices(request: MemberRequest, chosen: frozenset[str]) -> list[Choice]:
    """What the viewer may put on a key, in the order of the list of scopes."""
    grantable = scopes_to_give(request.viewer.organization, request.viewer.user)
    return [
        Choice(scope=scope, name=name, meaning=meaning, chosen=scope.value in chosen)
        for scope, (name, meaning) in SCOPES.items()
        if scope in grantable
    ]
