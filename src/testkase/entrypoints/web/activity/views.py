"""Settings → Activity."""

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from testkase.core.access import Action
from testkase.entrypoints.web.activity.export import activity_csv
from testkase.entrypoints.web.activity.filters import KIND_NAMES, choices_for, filters_of
from testkase.entrypoints.web.activity.lines import lines_of
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.services.audit.history import Place


@require_safe
def page(request: MemberRequest) -> HttpResponse:
    """AI actions and changes, newest first: everybody's for the Owner and the Admins, their own for members.

    HTMX asks for further rows at the same address.
    """
    org_id, filters = request.viewer.org_id, filters_of(request.viewer, request.GET)
    place = Place.parse(request.GET.get("before"))
    facts = {"section": "activity", "filters": filters, "activity": lines_of(org_id, filters, after=place)}
    if place and request.headers.get("HX-Target") is None and request.headers.get("HX-Request"):
        return render(request, "testkase/_activity_rows.html", facts)
    facts |= {
        "choices": choices_for(org_id, filters),
        "kinds": KIND_NAMES.items(),
        "paged": place is not None,
        "may_export": request.viewer.can(Action.VIEW_ACTIVITY),
    }
    return render(request, "testkase/activity.html", facts)


@require_safe
def export(request: MemberRequest) -> HttpResponseBase:
    """The history as CSV, filtered as the page is. Owner and admins."""
    request.viewer.must(Action.VIEW_ACTIVITY, "Only the Owner and admins may export everyone's activity.")
    return activity_csv(request, request.viewer.org_id, filters_of(request.viewer, request.GET))
