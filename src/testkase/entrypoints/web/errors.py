"""Problems as people see them: a page with a next step, or for HTMX a message that appears where they are."""

import sys
from http import HTTPStatus

import psycopg
from django.db.utils import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import get_template
from django.urls import is_valid_path, reverse
from django.utils.http import escape_leading_slashes

from testkase.core.ledger.refusals import BudgetExceeded, InsufficientCredits
from testkase.foundation.problems import Conflict, Forbidden, InvalidInput, NotFound, Problem, Unavailable
from testkase.services.organizations.models import Organization

_STATUS: tuple[tuple[type[Problem], HTTPStatus], ...] = (
    (InsufficientCredits, HTTPStatus.PAYMENT_REQUIRED),
    (BudgetExceeded, HTTPStatus.PAYMENT_REQUIRED),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (Conflict, HTTPStatus.CONFLICT),
    (InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


_AWAY = (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError)
"""Of Django's connections and of ours, PoolTimeout among them."""


def status_of(problem: Problem) -> HTTPStatus:
    """The HTTP status of a problem's class; the first that fits, most special first."""
    return next((status for kind, status in _STATUS if isinstance(problem, kind)), HTTPStatus.BAD_REQUEST)


def answer_problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A page that says what happened and what to do next; HTMX gets it as a message at the top of the page."""
    status = status_of(problem)
    if getattr(request, "htmx", False):
        facts = {"text": problem.detail, "level": "error", "refused": problem}
        response = render(request, "testkase/_toast.html", facts, status=status)
        response["HX-Retarget"] = "#toasts"
        response["HX-Reswap"] = "beforeend"
        return response
    return _page(request, status, problem.title, problem.detail, refused=problem)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Nothing at this address. One that is right but for the slash at its end is mended."""
    if (meant := _but_for_a_slash(request)) is not None:
        return redirect(meant)
    return _page(
        request, HTTPStatus.NOT_FOUND, "Page not found", "There is nothing at this address, or nothing you may see."
    )


def _but_for_a_slash(request: HttpRequest) -> str | None:
    """The address with a slash more or less, where there is a page there and none here."""
    if request.resolver_match is not None or request.method not in ("GET", "HEAD"):
        return None
    path = request.path_info
    other = path[:-1] if path.endswith("/") else f"{path}/"
    if not is_valid_path(other):
        return None
    query = request.META.get("QUERY_STRING", "")
    return escape_leading_slashes(other) + (f"?{query}" if query else "")


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Known, but not allowed."""
    return _page(request, HTTPStatus.FORBIDDEN, "Not allowed", "Your role does not allow this.")


def only_takes_forms(request: HttpRequest) -> HttpResponse:
    """The address of a form, opened as if it were a page."""
    return _page(
        request,
        HTTPStatus.METHOD_NOT_ALLOWED,
        "There is no page here",
        "This address only takes what a form sends. Nothing was changed by opening it.",
    )


def of_another(request: HttpRequest, other: Organization) -> HttpResponse:
    """A letter's page of another of the person's organizations than the one they work in: opening it changes nothing,
    so they choose."""
    facts = {"other": other, "next": request.get_full_path()}
    return render(request, "testkase/organization_other.html", facts)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Not even a request of ours: under another host's name, or a form that cannot be read.

    Django's own answer looks for the form's token, reads the form for it, and so fails once more.
    """
    return _bare_page(
        request,
        HTTPStatus.BAD_REQUEST,
        "The request could not be read",
        "It was cut off, has too many parts, or came to another address. Go back, reload the page and try again.",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Something broke on our side, or the database is away: it comes back, and whoever asks by program waits for it."""
    if isinstance(sys.exc_info()[1], _AWAY):
        response = _bare_page(
            request,
            HTTPStatus.SERVICE_UNAVAILABLE,
            "Back in a moment",
            "The service is busy or restarting. Nothing was charged for this page. Try again in a moment.",
        )
        response["Retry-After"] = "5"
        return response
    return _bare_page(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something went wrong",
        "The page could not be made. Nothing was charged for it. Try again in a moment.",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's token does not match the session: it was open for too long, or cookies are blocked."""
    return _page(
        request,
        HTTPStatus.FORBIDDEN,
        "The form has expired",
        "It was open for too long, or the browser blocks cookies. Go back, reload the page and send it again.",
    )


def _page(
    request: HttpRequest, status: HTTPStatus, title: str, detail: str, *, refused: Problem | None = None
) -> HttpResponse:
    facts = {"title": title, "detail": detail, "status": int(status), "home": reverse("home"), "refused": refused}
    key = request.resolver_match.kwargs.get("project_key") if request.resolver_match else None
    if key and status is not HTTPStatus.NOT_FOUND:
        facts["project_page"] = reverse("cases", args=[key])
    return render(request, "testkase/problem.html", facts, status=status)


def _bare_page(request: HttpRequest, status: HTTPStatus, title: str, detail: str) -> HttpResponse:
    """Rendered without the request, so that no context processor runs: none of them can ask the database for the
    session or the balance, or read the form, any of which may be what broke."""
    facts = {"title": title, "detail": detail, "status": int(status), "home": reverse("home")}
    facts["csp_nonce"] = getattr(request, "csp_nonce", "")
    return HttpResponse(get_template("testkase/problem.html").render(facts), status=status)
