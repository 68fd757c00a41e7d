"""The Content-Security-Policy of every page: only our own files, and inline code only with the nonce of this response."""

import secrets
from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.utils.functional import SimpleLazyObject

_POLICY = "; ".join((
    "default-src 'self'",
    "script-src 'self'{nonce}",
    "style-src 'self'{nonce}",
    "img-src 'self' data:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
))  # fmt: skip


class ContentSecurityPolicy:
    """Gives templates `request.csp_nonce` and writes the header, naming the nonce only where a page used it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        used: list[str] = []

        def nonce() -> str:
            used.append(secrets.token_urlsafe(16))
            return used[0]

        request.csp_nonce = SimpleLazyObject(nonce)  # type: ignore[attr-defined]
        response = self.get_response(request)
        source = f" 'nonce-{used[0]}'" if used else ""
        response.headers.setdefault("Content-Security-Policy", _POLICY.format(nonce=source))
        return response
