"""The viewer's ticket for the stream of their open page."""

import time

from django.conf import settings
from django.http import HttpRequest

from testkase.entrypoints.web.viewer import Viewer
from testkase.services.live import issue


def live_ticket(request: HttpRequest, viewer: Viewer) -> str:
    """A new ticket, bound to the session the page was asked for in."""
    return issue(
        settings.SECRET_KEY,
        org_id=viewer.org_id,
        user_id=int(viewer.user.pk),
        session_key=request.session.session_key or "",
        now=time.time(),
    )
