"""How long a session lasts: two weeks from its sign-in, and a week without a look. Then the password is asked again.

Kept in the session itself, which every page reads anyway; when somebody last looked is written once an hour at most.
"""

import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase

LONGEST_SECONDS = 14 * 86_400
LONGEST_IDLE_SECONDS = 7 * 86_400
_NOTED_EVERY_SECONDS = 3_600

_SIGNED_IN, _SEEN = "signed_in_at", "seen_at"


class SessionsEnd:
    """Ends a session that is over before anything is done in its name."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        now = int(time.time())
        signed_in, seen = request.session.get(_SIGNED_IN), request.session.get(_SEEN)
        if signed_in is not None and seen is not None:
            if now - signed_in > LONGEST_SECONDS or now - seen > LONGEST_IDLE_SECONDS:
                logout(request)
            elif now - seen > _NOTED_EVERY_SECONDS:
                request.session[_SEEN] = now
        return self.get_response(request)


@receiver(user_logged_in)
def _begun(request: HttpRequest, **_: Any) -> None:
    request.session[_SIGNED_IN] = request.session[_SEEN] = int(time.time())
