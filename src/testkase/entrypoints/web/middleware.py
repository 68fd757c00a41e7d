"""What surrounds every page: the content security policy, the viewer's zone, and one organization's transaction."""

import secrets
import zoneinfo
from collections.abc import Callable, Mapping
from functools import wraps
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote, urlsplit, urlunsplit

from allauth.account.middleware import AccountMiddleware
from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.template.response import TemplateResponse
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh

from testkase.entrypoints.web.errors import answer_problem, of_another, only_takes_forms
from testkase.entrypoints.web.viewer import MemberRequest, Viewer, other_meant, viewer_in, viewer_of
from testkase.foundation.problems import Problem
from testkase.services.organizations.tenancy import tenant_transaction

GetResponse = Callable[[HttpRequest], HttpResponseBase]
View = Callable[..., HttpResponseBase]

TIME_ZONE_COOKIE = "timezone"
"""Written by the page's script: the browser's IANA zone."""

_POLICY = {
    "default-src": "'none'",
    "script-src": "",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "object-src": "'none'",
    "base-uri": "'none'",
}
"""Sources by directive; whose scripts run is added for each response."""


def allow_also(response: HttpResponseBase, sources: Mapping[str, str]) -> None:
    """Let this one page reach elsewhere, by directive: the payment provider's window, and nothing else so far."""
    response.allowed_also = sources  # type: ignore[attr-defined]


class ContentSecurityPolicy:
    """Only scripts that carry the response's nonce run, and nothing is fetched from elsewhere."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        nonce = secrets.token_urlsafe(16)
        request.csp_nonce = nonce  # type: ignore[attr-defined]
        response = self.get_response(request)
        # Django's admin knows no nonces: its pages may run our own files, ours only what carries the nonce.
        scripts = "'self'" if request.path.startswith("/staff/") else f"'nonce-{nonce}'"
        also = {"script-src": scripts}, getattr(response, "allowed_also", {})
        response.headers.setdefault("Content-Security-Policy", _policy(*also))
        return response


def _policy(*additions: Mapping[str, str]) -> str:
    names = dict.fromkeys([*_POLICY, *(name for added in additions for name in added)])
    sources = {name: [_POLICY.get(name, ""), *(added.get(name, "") for added in additions)] for name in names}
    return "; ".join(" ".join([name, *filter(None, parts)]) for name, parts in sources.items())


class ViewerTimeZone:
    """Times are shown in the viewer's zone, UTC until their browser has said which it is."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        with timezone.override(_zone(request.COOKIES.get(TIME_ZONE_COOKIE, ""))):
            return self.get_response(request)


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(unquote(name)[:64] or "UTC")
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return zoneinfo.ZoneInfo("UTC")


def without_organization(view: View) -> View:
    """Marks a page that people may see before they belong to any organization."""
    view.without_organization = True  # type: ignore[attr-defined]
    return view


def whatever_was_shown(view: View) -> View:
    """Marks a view that means the same from a page of any of the person's organizations."""
    view.whatever_was_shown = True  # type: ignore[attr-defined]
    return view


def without_transaction(view: View) -> View:
    """Marks a view that asks another server: no transaction may wait for that. It sees no organization's rows."""
    view.without_transaction = True  # type: ignore[attr-defined]
    return view


def for_the_one_shown(view: View) -> View:
    """Marks a view that goes on for the organization of the page that asks, for as long as its person is in that one:
    what they do at another server does not end because they choose another organization in another tab."""
    view.for_the_one_shown = True  # type: ignore[attr-defined]
    return view


def asks_elsewhere(view: View) -> View:
    """Marks a member's view that asks another server. It has a viewer and no transaction: it opens one for each step of
    its own, and shows what came of it through `shown_to`. A problem becomes a page, as everywhere."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        viewer = viewer_of(request)
        if viewer is None:
            return _leave_for(request, "organization_new")
        if _shows_another(request, viewer):
            shown = viewer_in(request, _shown(request)) if hasattr(view, "for_the_one_shown") else None
            if shown is None:
                return _to_the_one_chosen(request, viewer)
            viewer = shown
        request.viewer = viewer  # type: ignore[attr-defined]
        if (other := other_meant(request, viewer)) is not None:
            return shown_to(cast(MemberRequest, request), lambda again: of_another(again, other))
        try:
            return view(request, *args, **kwargs)
        except Problem as problem:
            return _told(request, viewer, problem)

    return without_transaction(guarded)


def shown_to(request: MemberRequest, show: View) -> HttpResponseBase:
    """The page of such a view, made in a transaction that sees the viewer's organization."""
    with tenant_transaction(request.viewer.org_id):
        return _inside(request, show, (), {})


class SignInAgain:
    """When a session has ended, the sign-in leads back to the page people were on: not to the address of the form they
    sent, which only takes forms. HTMX is told to leave the page for it, instead of putting it into a corner."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        sign_in = resolve_url(settings.LOGIN_URL)
        asked = bool(request.headers.get("HX-Request"))
        if not response.headers.get("Location", "").startswith(f"{sign_in}?next=") or not (asked or _sends(request)):
            return response
        page = _page_of(request)
        address = redirect_to_login(page, sign_in).url if page else sign_in
        return HttpResponseClientRedirect(address) if asked else redirect(address)


def _sends(request: HttpRequest) -> bool:
    return request.method not in ("GET", "HEAD")


def _page_of(request: HttpRequest) -> str:
    """The page of ours that a request was made from; empty where the browser does not say."""
    try:
        page = urlsplit(request.headers.get("HX-Current-URL") or request.headers.get("Referer", ""))
    except ValueError:
        return ""
    return urlunsplit(("", "", page.path, page.query, "")) if page.netloc == request.get_host() else ""


class FormsOnly:
    """Whoever opens an address that only takes forms, as by loading anew what was sent back, is told so on a page."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED or _sends(request):
            return response
        viewer = viewer_of(request)
        if viewer is None:
            return response
        request.viewer = viewer  # type: ignore[attr-defined]
        with tenant_transaction(viewer.org_id):
            page = _inside(request, only_takes_forms, (), {})
        page.headers["Allow"] = response.headers["Allow"]
        return page


class Tenant:
    """Runs a signed-in person's view in one transaction that sees their organization's rows and no others.

    The transaction ends before the response leaves, and rolls back when the view raises. A problem becomes a page or,
    for HTMX, a message.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: View, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if getattr(view, "without_transaction", False):
            return None
        viewer = viewer_of(request)
        if viewer is None:
            if not request.user.is_authenticated or not _needs_organization(view):
                return None
            return _leave_for(request, "organization_new")
        if _needs_organization(view) and not hasattr(view, "whatever_was_shown") and _shows_another(request, viewer):
            return _to_the_one_chosen(request, viewer)
        request.viewer = viewer  # type: ignore[attr-defined]
        if _needs_organization(view) and (other := other_meant(request, viewer)) is not None:
            view, args, kwargs = of_another, (other,), {}
        try:
            with tenant_transaction(viewer.org_id):
                return _inside(request, view, args, kwargs)
        except Problem as problem:
            return _told(request, viewer, problem)
        except (ImmediateHttpResponse, ReauthenticationRequired) as wanted:
            # A view run from here is outside the hooks for exceptions, and so outside the one that answers these.
            return _ACCOUNTS.process_exception(request, wanted)  # type: ignore[no-any-return]


_ACCOUNTS = AccountMiddleware(lambda _: HttpResponse())
"""Only for what it does with account pages' exceptions: to have somebody say their password again, above all."""


def _inside(request: HttpRequest, view: View, args: tuple[Any, ...], kwargs: dict[str, Any]) -> HttpResponseBase:
    """The view, rendered to the end while the transaction is open: templates may read rows too."""
    request.tenant_open = True  # type: ignore[attr-defined]
    try:
        response = view(request, *args, **kwargs)
        if isinstance(response, TemplateResponse):
            response.render()
        # What one organization's page shows must not be kept by anything between, nor come back after signing out.
        response.headers.setdefault("Cache-Control", "private, no-store")
        return response
    finally:
        request.tenant_open = False  # type: ignore[attr-defined]


def _told(request: HttpRequest, viewer: Viewer, problem: Problem) -> HttpResponseBase:
    """The problem, in the frame of every page; without it where the frame cannot be made either."""
    try:
        with tenant_transaction(viewer.org_id):
            return _inside(request, lambda asked: answer_problem(asked, problem), (), {})
    except Problem:
        return answer_problem(request, problem)


def _leave_for(request: HttpRequest, name: str) -> HttpResponse:
    """HTMX leaves the page too, instead of putting another whole one into its part."""
    address = resolve_url(name)
    return HttpResponseClientRedirect(address) if request.headers.get("HX-Request") else redirect(address)


def _shows_another(request: HttpRequest, viewer: Viewer) -> bool:
    """Whether the page that asks was made for another organization (base.html, site.js): its person has gone to this
    one in another tab since, or is not in that one any more."""
    shown = _shown(request)
    return bool(shown) and shown != str(viewer.org_id)


def _shown(request: HttpRequest) -> str:
    if (named := request.headers.get("X-Organization", "")) or not _sends(request):
        return named
    return request.POST.get("shown_organization", "")


def _to_the_one_chosen(request: HttpRequest, viewer: Viewer) -> HttpResponse:
    """What was meant for one organization is not done in another, nor shown among its figures."""
    if not _sends(request):
        return HttpResponseClientRefresh()
    words = f"You work in {viewer.organization.name} now. The page was another organization's, so nothing was done."
    messages.error(request, words)
    return _leave_for(request, "home")


def _needs_organization(view: View) -> bool:
    ours = view.__module__.startswith("testkase.entrypoints.web")
    return ours and not getattr(view, "without_organization", False)
