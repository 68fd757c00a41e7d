"""The programs' application: routes from the tables, problems for everything else, and the opening and closing of what
they need."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException

from testkase.entrypoints.api.context import Context
from testkase.entrypoints.api.openai.errors import shape
from testkase.entrypoints.api.openai.handlers import gateway_handlers
from testkase.entrypoints.api.refusals import as_problem, refuse
from testkase.entrypoints.api.route import serve
from testkase.entrypoints.api.v1.routes import PREFIX, routes
from testkase.entrypoints.api.webhooks import webhook_handler
from testkase.foundation.problems import NotFound, Problem
from testkase.foundation.settings import Settings


class MethodNotAllowed(Problem):
    """The address exists, but not for this method."""

    code = "method_not_allowed"
    title = "The method is not allowed here"


def create_app(settings: Settings) -> Litestar:
    """Raises InvalidInput for settings, price books or providers that cannot be used."""
    return application(Context.from_settings(settings))


def application(context: Context) -> Litestar:
    """The application around what is already made."""

    @asynccontextmanager
    async def opened(app: Litestar) -> AsyncIterator[None]:
        await context.open()
        try:
            yield
        finally:
            await context.close()

    app = Litestar(
        [
            *(serve(route, PREFIX, context) for route in routes()),
            *gateway_handlers(context),
            webhook_handler(context),
        ],
        lifespan=[opened],
        exception_handlers={Exception: _answer_error(context.settings.public_url)},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,  # every route reads its own body, up to its own limit
    )
    app.state.context = context
    return app


def _answer_error(public_url: str) -> Any:
    """Errors Litestar raises before a handler runs: an unknown address, a wrong method."""

    def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
        allow = _allowed(error)
        if request.scope["path"].startswith("/openai/"):
            problem = _from_litestar(error, "The gateway serves /chat/completions and /models.")
            return shape(problem, public_url).response(allow=allow).for_litestar()
        return refuse(_from_litestar(error), public_url, allow=allow).for_litestar()

    return answer


def _from_litestar(error: Exception, served: str = "") -> Problem:
    """`served`: what there is where nothing was found."""
    if isinstance(error, MethodNotAllowedException):
        return MethodNotAllowed("This address does not take this method.")
    if isinstance(error, HTTPException) and error.status_code < 500:
        return NotFound(f"There is nothing at this address. {served}".rstrip())
    return as_problem(error)


def _allowed(error: Exception) -> str | None:
    """Of a wrong method: those the address does take, as Litestar found them."""
    if not isinstance(error, MethodNotAllowedException):
        return None
    methods = (error.headers or {}).get("allow", "").split(", ")
    return ", ".join(sorted(method for method in methods if method != "OPTIONS"))
