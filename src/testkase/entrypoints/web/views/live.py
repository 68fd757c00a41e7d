"""The ticket of an open page's stream, written anew while the person may look on."""

from django.http import HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from testkase.entrypoints.web.tickets import live_ticket
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.services.live import LIFE_SECONDS, pulses
from testkase.services.organizations.tenancy import run_here


@require_safe
@never_cache
def ticket(request: MemberRequest) -> HttpResponse:
    """A ticket for the viewer's organization, and how it stands: where streams do not get through, pages ask here."""
    org_id = request.viewer.org_id
    (pulse,) = run_here(pulses({org_id: None}))
    return JsonResponse(
        {
            "text": live_ticket(request, request.viewer),
            "seconds": LIFE_SECONDS,
            "organization": org_id,
            "viewer": request.viewer.user.pk,
            "state": pulse.for_pages(),
        }
    )
