"""Requests of programs as spans, in the trace their caller names. Only in the way of requests while tracing is on."""

from collections.abc import MutableMapping
from typing import Any

from testkase.config.serving.asgi_types import Application, Receive, Scope, Send
from testkase.entrypoints.api.v1.routes import PREFIX, routes
from testkase.foundation import tracing

_MADE_OF = 4
"""Parts of a path that name what is asked for; ids stand behind them."""
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""Whoever asks may write any word there."""
_OTHERS = ("/openai/v1/chat", "/openai/v1/models", "/webhooks/razorpay")


class Traced:
    """An application whose requests are spans."""

    def __init__(self, application: Application) -> None:
        self._application = application
        self._known = {_beginning(f"{PREFIX}{route.path}") for route in routes()} | set(_OTHERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        route, method = self._route(scope["path"]), scope["method"] if scope["method"] in _METHODS else "OTHER"
        parent = next((value for name, value in scope["headers"] if name == b"traceparent"), None)
        with tracing.serving(
            f"{method} {route}".rstrip(), parent.decode("latin-1") if parent else None, method=method, route=route
        ) as told:

            async def watched(message: MutableMapping[str, Any]) -> None:
                if message["type"] == "http.response.start":
                    told.tell(status=message["status"])
                await send(message)

            await self._application(scope, receive, watched)

    def _route(self, path: str) -> str:
        """Only what the product itself named: a path that nobody knows could hold anything."""
        beginning = _beginning(path)
        return beginning if beginning in self._known else ""


def _beginning(path: str) -> str:
    return "/".join(path.split("/")[:_MADE_OF])
