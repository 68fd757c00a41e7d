"""Problems as people see them: a page with a next step, or for HTMX a message that appears where they are."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import get_template
from django.urls import reverse

from testkase.core.ledger.refusals import BudgetExceeded, InsufficientCredits
from testkase.foundation.problems import Conflict, Forbidden, InvalidInput, NotFound, Problem, Unavailable

_STATUS: tuple[tuple[type[Problem], HTTPStatus], ...] = (
    (InsufficientCredits, HTTPStatus.PAYMENT_REQUIRED),
    (BudgetExceeded, HTTPStatus.PAYMENT_REQUIRED),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (Conflict, HTTPStatus.CONFLICT),
    (InvalidInput, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)


def status_of(problem: Problem) -> HTTPStatus:
    """The HTTP status of a problem's class; the first that fits, most special first."""
    return next((status for kind, status in _STATUS if isinstance(problem, kind)), HTTPStatus.BAD_REQUEST)


def answer_problem(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A page that says what happened and what to do next; HTMX gets it as a message at the top of the page."""
    status = status_of(problem)
    if getattr(request, "htmx", False):
        response = render(request, "testkase/_toast.html", {"text": problem.detail, "level": "error"}, status=status)
        response["HX-Retarget"] = "#toasts"
        response["HX-Reswap"] = "beforeend"
        return response
    return _page(request, status, problem.title, problem.detail)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Nothing at this address."""
    return _page(
        request, HTTPStatus.NOT_FOUND, "Page not found", "There is nothing at this address, or nothing you may see."
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Known, but not allowed."""
    return _page(request, HTTPStatus.FORBIDDEN, "Not allowed", "Your role does not allow this.")


def server_error(request: HttpRequest) -> HttpResponse:
    """Something broke on our side; rendered without the database, which may be what broke."""
    facts = {
        "title": "Something went wrong",
        "detail": "The page could not be made. Nothing was charged for it. Try again in a moment.",
        "status": int(HTTPStatus.INTERNAL_SERVER_ERROR),
        "home": reverse("home"),
        "csp_nonce": getattr(request, "csp_nonce", ""),
    }
    # Without the request, no context processor runs: none of them can ask the database for the session or the balance.
    page = get_template("testkase/problem.html").render(facts)
    return HttpResponse(page, status=HTTPStatus.INTERNAL_SERVER_ERROR)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form's token does not match the session: it was open for too long, or cookies are blocked."""
    return _page(
        request,
        HTTPStatus.FORBIDDEN,
        "The form has expired",
        "It was open for too long, or the browser blocks cookies. Go back, reload the page and send it again.",
    )


def _page(request: HttpRequest, status: HTTPStatus, title: str, detail: str) -> HttpResponse:
    facts = {"title": title, "detail": detail, "status": int(status), "home": reverse("home")}
    return render(request, "testkase/problem.html", facts, status=status)
