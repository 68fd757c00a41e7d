"""Webhooks: endpoints that are told what the Owner and the Admins are told, their secrets, and how deliveries went."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from testkase.core.access import Action
from testkase.entrypoints.web.names import names_of_people
from testkase.entrypoints.web.query import form_id, number
from testkase.entrypoints.web.viewer import MemberRequest, Viewer
from testkase.foundation.ids import new_id
from testkase.foundation.problems import Conflict, InvalidInput
from testkase.foundation.sealing import Seal
from testkase.services.notifications.webhooks.deliveries import deliveries, send_again, send_test
from testkase.services.notifications.webhooks.endpoints import (
    MOST_ENDPOINTS,
    Endpoint,
    add_endpoint,
    change_endpoint,
    endpoint,
    endpoints,
    remove_endpoint,
    renew_secret,
    switch_endpoint,
)
from testkase.services.notifications.webhooks.events import EVENTS
from testkase.services.notifications.webhooks.secrets import PURPOSE
from testkase.services.organizations.tenancy import run_here

_REFUSAL = "Webhooks are managed by the Owner and the Admins of the organization."
_A_PAGE = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An event on the form."""

    kind: str
    meaning: str
    chosen: bool


@require_http_methods(["GET", "POST"])
@never_cache
def index(request: MemberRequest) -> HttpResponse:
    """The endpoints, and a form for a new one. Its secret stands on the answer to that form and nowhere after."""
    viewer = _manager(request)
    facts: dict[str, Any] = {"section": "keys", "problem": None, "url": "", "most": MOST_ENDPOINTS}
    kinds = frozenset(EVENTS)
    if request.method == "POST":
        url, chosen = _form(request)
        try:
            made, secret = run_here(
                add_endpoint(
                    viewer.org_id, viewer.actor, url=url, kinds=chosen, seal=_seal(),
                    networks=settings.VALUES.webhook_networks,
                )
            )  # fmt: skip
        except (InvalidInput, Conflict) as problem:
            facts |= {"problem": problem, "field": problem.field, "url": url}
            kinds = chosen
        else:
            return render(request, "testkase/webhooks/endpoint.html", _facts(request, made, secret=secret))
    known = run_here(endpoints(viewer.org_id))
    facts |= {"endpoints": known, "people": _adders(viewer, known), "choices": _choices(kinds)}
    return render(request, "testkase/webhooks/index.html", facts, status=422 if facts["problem"] else 200)


@require_http_methods(["GET", "POST"])
@never_cache
def page(request: MemberRequest, endpoint_id: str) -> HttpResponse:
    """One endpoint: where it leads and what it wants, as a form, and its newest deliveries."""
    viewer = _manager(request)
    found = run_here(endpoint(viewer.org_id, endpoint_id))
    if request.method == "GET":
        return render(request, "testkase/webhooks/endpoint.html", _facts(request, found))
    url, chosen = _form(request)
    try:
        run_here(
            change_endpoint(
                viewer.org_id, viewer.actor, endpoint_id, url=url, kinds=chosen,
                networks=settings.VALUES.webhook_networks,
            )
        )  # fmt: skip
    except (InvalidInput, Conflict) as problem:
        facts = _facts(request, found) | {"problem": problem, "field": problem.field, "url": url}
        return render(request, "testkase/webhooks/endpoint.html", facts | {"choices": _choices(chosen)}, status=422)
    messages.success(request, "Saved. The next event is sent as you say here.")
    return redirect("webhook", endpoint_id)


@require_POST
@never_cache
def secret(request: MemberRequest, endpoint_id: str) -> HttpResponse:
    """A new secret, on the answer and nowhere after."""
    viewer = _manager(request)
    try:
        made = run_here(renew_secret(viewer.org_id, viewer.actor, endpoint_id, _seal()))
    except Conflict as problem:
        messages.error(request, problem.detail)
        return redirect("webhook", endpoint_id)
    facts = _facts(request, run_here(endpoint(viewer.org_id, endpoint_id)), secret=made, renewed=True)
    return render(request, "testkase/webhooks/endpoint.html", facts)


@require_POST
def switch(request: MemberRequest, endpoint_id: str) -> HttpResponse:
    """On or off."""
    viewer, on = _manager(request), request.POST.get("on") == "1"
    run_here(switch_endpoint(viewer.org_id, viewer.actor, endpoint_id, on=on))
    messages.success(
        request, "Switched on: events are sent from now on." if on else "Switched off: nothing more is sent there."
    )
    return redirect("webhook", endpoint_id)


@require_POST
def try_out(request: MemberRequest, endpoint_id: str) -> HttpResponse:
    """Send something to try it."""
    viewer = _manager(request)
    try:
        request_id = form_id(request.POST.get("request_id", ""), "test")
        run_here(send_test(viewer.org_id, endpoint_id, request_id=request_id))
    except (InvalidInput, Conflict) as problem:
        messages.error(request, problem.detail)
    else:
        messages.success(request, "A test is on its way. Look at this page again in a few seconds to see how it went.")
    return redirect("webhook", endpoint_id)


@require_POST
def again(request: MemberRequest, endpoint_id: str, delivery_id: int) -> HttpResponse:
    """Send an event again."""
    viewer = _manager(request)
    try:
        run_here(send_again(viewer.org_id, endpoint_id, delivery_id))
    except Conflict as problem:
        messages.error(request, problem.detail)
    else:
        messages.success(request, "It is sent again, under the same id.")
    return redirect("webhook", endpoint_id)


@require_POST
def remove(request: MemberRequest, endpoint_id: str) -> HttpResponse:
    """Remove an endpoint with all that was sent to it."""
    viewer = _manager(request)
    gone = run_here(remove_endpoint(viewer.org_id, viewer.actor, endpoint_id))
    messages.success(request, f"The endpoint {gone.host} was removed.")
    return redirect("webhooks")


def _manager(request: MemberRequest) -> Viewer:
    request.viewer.must(Action.MANAGE_WEBHOOKS, _REFUSAL)
    return request.viewer


def _form(request: MemberRequest) -> tuple[str, frozenset[str]]:
    return request.POST.get("url", ""), frozenset(request.POST.getlist("kinds"))


def _facts(request: MemberRequest, found: Endpoint, *, secret: str = "", renewed: bool = False) -> dict[str, Any]:
    before = number(request.GET.get("before"))
    return {
        "section": "keys", "endpoint": found, "url": found.url, "problem": None, "secret": secret, "renewed": renewed,
        "choices": _choices(frozenset(kind for kind in EVENTS if found.wants(kind))), "paged": before is not None,
        "sent": run_here(deliveries(request.viewer.org_id, found.endpoint_id, limit=_A_PAGE, before=before)),
        "request_id": new_id("test"), "people": _adders(request.viewer, [found]),
    }  # fmt: skip


def _adders(viewer: Viewer, known: list[Endpoint]) -> dict[str, str]:
    """Names of those who added these endpoints, by their references."""
    return names_of_people(viewer.org_id, {one.added_by for one in known if one.added_by})


def _choices(kinds: frozenset[str]) -> list[Choice]:
    return [Choice(kind=kind, meaning=meaning, chosen=kind in kinds) for kind, meaning in EVENTS.items()]


def _seal() -> Seal:
    return Seal([settings.SECRET_KEY], purpose=PURPOSE)
