"""The gateway's addresses."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from testkase.core.access import Scope
from testkase.entrypoints.api.body import AnyRequest, header
from testkase.entrypoints.api.context import Context
from testkase.entrypoints.api.openai.chat import chat_completion
from testkase.entrypoints.api.openai.errors import shape
from testkase.entrypoints.api.openai.models import get_model, list_models
from testkase.entrypoints.api.refusals import as_problem
from testkase.entrypoints.api.reply import respond
from testkase.entrypoints.api.route import Method, answered

PREFIX = "/openai/v1"

Answer = Callable[[AnyRequest], Awaitable[ASGIResponse]]


def gateway_handlers(context: Context) -> list[HTTPRouteHandler]:
    """Litestar handlers of the gateway."""

    async def chat(request: AnyRequest) -> ASGIResponse:
        return await chat_completion(context, request)

    async def models(request: AnyRequest) -> ASGIResponse:
        await _admit(context, request)
        return respond(200, list_models(context))

    async def model(request: AnyRequest) -> ASGIResponse:
        await _admit(context, request)
        return respond(200, get_model(context, str(request.scope["path_params"]["model"]).removeprefix("/")))

    return [
        _handler("POST", "/chat/completions", chat, context),
        _handler("GET", "/models", models, context),
        _handler("GET", "/models/{model:path}", model, context),
    ]


async def _admit(context: Context, request: AnyRequest) -> None:
    caller = await context.keys.caller(header(request, b"authorization"))
    caller.require(Scope.MODELS_CALL)


def _handler(method: Method, path: str, answer: Answer, context: Context) -> HTTPRouteHandler:
    async def handle(request: Request[Any, Any, Any]) -> ASGIResponse:
        try:
            return await answer(request)
        except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets OpenAI's error shape
            return shape(as_problem(error), context.settings.public_url).response()

    return HTTPRouteHandler(PREFIX + path, http_method=answered(method), name=f"{method} {PREFIX}{path}")(handle)
