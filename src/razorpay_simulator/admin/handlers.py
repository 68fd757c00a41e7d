"""/_sim and the page at /: no key is asked for, but nobody from elsewhere is heard, not even through a browser here."""

import inspect
from typing import Any
from urllib.parse import urlsplit

from litestar import Request, Response, get, route
from litestar.handlers import HTTPRouteHandler

from razorpay_simulator.admin import home, paying, running, webhooks
from razorpay_simulator.admin.desk import Desk
from razorpay_simulator.api.door import read_call, reply
from razorpay_simulator.config import is_loopback
from razorpay_simulator.errors import Refusal, unknown_url
from razorpay_simulator.simulator import Simulator
from razorpay_simulator.webhooks import outbox
from razorpay_simulator.webhooks.dispatcher import Dispatcher

AnyRequest = Request[Any, Any, Any]
ROUTES = (*paying.ROUTES, *running.ROUTES, *webhooks.ROUTES)
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'"
_METHODS: Any = ["GET", "POST", "PATCH", "DELETE"]


def admin_handlers(sim: Simulator, dispatcher: Dispatcher) -> list[HTTPRouteHandler]:
    """Both, for the application."""
    desk = Desk(sim, dispatcher)

    @route("/_sim/{rest:path}", http_method=_METHODS, status_code=200)
    async def admin(request: AnyRequest) -> Response[bytes]:
        _check_near(request)
        answer = await _answer(desk, request)
        outbox.release(sim)
        sim.keep()
        if request.query_params.get("wait"):
            await dispatcher.step()
        dispatcher.wake()
        return reply(answer)

    @get("/", sync_to_thread=False)
    def index(request: AnyRequest) -> Response[str]:
        _check_near(request)
        headers = {"Content-Security-Policy": _POLICY}
        return Response(home.page(sim), media_type="text/html; charset=utf-8", headers=headers)

    return [admin, index]


async def _answer(desk: Desk, request: AnyRequest) -> Any:
    path = request.scope["path"].rstrip("/")
    for known in ROUTES:
        ids = known.ids(request.method, path)
        if ids is not None:
            answer = known.answer(desk, await read_call(request, ids))
            return await answer if inspect.isawaitable(answer) else answer
    raise unknown_url()


def _check_near(request: AnyRequest) -> None:
    """A page of the web could send a form to this port, or give its own name our address. Raises Refusal."""
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    if not is_loopback(f"http://{host}") or (origin not in {None, "null"} and not is_loopback(origin or "")):
        raise Refusal("Only this machine may use the simulator.", status=403)
    if origin == "null" or (origin and urlsplit(origin).netloc != host and request.method != "GET"):
        raise Refusal("Only the simulator's own pages may use /_sim from a browser.", status=403)
