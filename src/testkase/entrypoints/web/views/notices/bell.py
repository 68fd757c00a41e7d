"""The bell in the navigation, the page of notifications, and the banner."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from testkase.entrypoints.web.query import number
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.services.notifications import banner, inbox
from testkase.services.organizations.tenancy import run_here

PAGE = 25
IN_PANEL = 6


@require_safe
def index(request: MemberRequest) -> HttpResponse:
    """Everything the viewer was told, newest first."""
    return render(request, "testkase/notifications.html", _facts(request, PAGE))


@require_safe
def panel(request: MemberRequest) -> HttpResponse:
    """The newest few, for the bell's panel."""
    return render(request, "testkase/_bell_panel.html", _facts(request, IN_PANEL))


@require_safe
def count(request: MemberRequest) -> HttpResponse:
    """The figure on the bell."""
    return render(request, "testkase/_bell_count.html")


@require_POST
def opened(request: MemberRequest, notification_id: int) -> HttpResponse:
    """Mark one as read and go where it leads."""
    notice = run_here(inbox.read(request.viewer.org_id, request.viewer.user.pk, notification_id))
    if request.POST.get("buy") == "1" and notice.leads_to_buying:
        return redirect("buy")
    return redirect(notice.link if notice.link and request.POST.get("stay") != "1" else "notifications")


@require_POST
def read_all(request: MemberRequest) -> HttpResponse:
    """Mark all as read that the viewer has seen on the page."""
    up_to = number(request.POST.get("up_to"))
    run_here(inbox.read_all(request.viewer.org_id, request.viewer.user.pk, up_to=up_to))
    return redirect("notifications")


@require_safe
def low_credits(request: MemberRequest) -> HttpResponse:
    """The banner as it stands now: empty while there is nothing to say."""
    return render(request, "testkase/_low_credits.html")


@require_POST
def dismiss(request: MemberRequest) -> HttpResponse:
    """Put the banner away until the next alert."""
    viewer = request.viewer
    run_here(banner.dismiss(viewer.org_id, viewer.user.pk, number(request.POST.get("seq")) or 0))
    if request.headers.get("HX-Request"):
        return render(request, "testkase/_low_credits.html")
    return redirect("home")


def _facts(request: MemberRequest, limit: int) -> dict[str, Any]:
    viewer, before = request.viewer, number(request.GET.get("before"))
    page = run_here(inbox.notices(viewer.org_id, viewer.user.pk, limit=limit, before=before))
    return {
        "section": "notifications",
        "page": page,
        "newest": page.notices[0].notification_id if page.notices else 0,
        "paged": before is not None,
    }
