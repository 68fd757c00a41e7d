"""Checkout's addresses: the script, the modal's frame, the hosted page, payment links, and the forms in them."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from razorpay_simulator.checkout import opening, pages, paying
from razorpay_simulator.errors import Refusal, unknown_id
from razorpay_simulator.model import Checkout
from razorpay_simulator.rules.outcomes import Outcome
from razorpay_simulator.simulator import Simulator
from razorpay_simulator.templates import static
from razorpay_simulator.webhooks import outbox
from razorpay_simulator.webhooks.dispatcher import Dispatcher

AnyRequest = Request[Any, Any, Any]
Step = Callable[[Simulator, Checkout, Mapping[str, str]], Outcome | None]
_TYPES = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml"}
_STEPS: dict[str, Step] = {
    "pay": paying.pay,
    "otp": lambda sim, checkout, fields: paying.give_otp(sim, checkout, fields.get("otp", "")),
    "bank": lambda sim, checkout, fields: paying.answer_bank(sim, checkout, fields.get("answer", "")),
    "cancel": lambda sim, checkout, _: paying.give_up(sim, checkout),
}


def checkout_handlers(sim: Simulator, dispatcher: Dispatcher) -> list[HTTPRouteHandler]:
    """All of them, for the application."""
    return [*_openings(sim), *_sessions(sim, dispatcher)]


def _openings(sim: Simulator) -> list[HTTPRouteHandler]:
    """What the shop's page asks for."""

    @get("/v1/checkout.js", sync_to_thread=False)
    def script() -> Response[bytes]:
        return _file("checkout.js")

    @get("/v1/checkout/static/{name:str}", sync_to_thread=False)
    def file(request: AnyRequest) -> Response[bytes]:
        return _file(request.path_params["name"])

    @get("/v1/checkout/frame")
    async def frame(request: AnyRequest) -> Response[Any]:
        return _open(sim, dict(request.query_params.items()), kind="modal")

    @post("/v1/checkout/embedded", status_code=200)
    async def embedded(request: AnyRequest) -> Response[Any]:
        return _open(sim, await _form(request), kind="hosted")

    @get("/l/{link_id:str}", sync_to_thread=False)
    def link(request: AnyRequest) -> Response[Any]:
        try:
            made = opening.opened_for_link(sim, request.path_params["link_id"])
        except Refusal as refusal:
            return _html(pages.problem(str(refusal)), status=refusal.status)
        sim.keep()
        return Redirect(_address(made), status_code=303)

    return [script, file, frame, embedded, link]


def _sessions(sim: Simulator, dispatcher: Dispatcher) -> list[HTTPRouteHandler]:
    """What somebody who pays sees and does."""

    @get("/v1/checkout/sessions/{checkout_id:str}")
    async def show(request: AnyRequest) -> Response[Any]:
        checkout = _found(sim, request)
        return _html(pages.page(sim, checkout, method=request.query_params.get("method", "")), checkout)

    @post("/v1/checkout/sessions/{checkout_id:str}/{step:str}", status_code=200)
    async def act(request: AnyRequest) -> Response[Any]:
        step = request.path_params["step"]
        if step not in _STEPS:
            raise unknown_id()
        checkout, fields = _found(sim, request), await _form(request)
        try:
            outcome = _STEPS[step](sim, checkout, fields)
        except Refusal as refusal:
            shown = pages.page(sim, checkout, complaint=str(refusal), typed=fields)
            return _html(shown, checkout, status=refusal.status)
        outbox.release(sim)
        sim.keep()
        if outcome is not None and outcome.together:
            await dispatcher.overlap()
        dispatcher.wake()
        return Redirect(_address(checkout), status_code=303)

    return [show, act]


def _open(sim: Simulator, fields: Mapping[str, str], *, kind: str) -> Response[Any]:
    try:
        checkout = opening.opened(sim, fields, kind=kind)
    except Refusal as refusal:
        parent = fields.get("parent") if kind == "modal" else None
        return _html(pages.problem(str(refusal), parent_origin=parent), status=refusal.status)
    sim.keep()
    return Redirect(_address(checkout), status_code=303)


def _address(checkout: Checkout) -> str:
    return f"/v1/checkout/sessions/{checkout.id}"


def _found(sim: Simulator, request: AnyRequest) -> Checkout:
    checkout = sim.store.get(Checkout, request.path_params["checkout_id"])
    if checkout is None:
        raise unknown_id()
    return checkout


async def _form(request: AnyRequest) -> dict[str, str]:
    """The fields of a form; of those that come twice, the last."""
    return dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))


def _file(name: str) -> Response[bytes]:
    try:
        content = static(name)
    except FileNotFoundError:
        raise unknown_id() from None
    media_type = _TYPES[name.rpartition(".")[2]]
    # The shop's page is on another origin, and may let in only what says that it may be let in.
    headers = {"Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "cross-origin"}
    return Response(content, media_type=media_type, headers=headers)


def _html(page: str, checkout: Checkout | None = None, *, status: int = 200) -> Response[str]:
    """Only our own files run and style; only the shop's page may show it in a frame, only the shop gets its form."""
    allowed = ["'self'", *([_origin(checkout.callback_url)] if checkout and checkout.callback_url else [])]
    parent = checkout.parent_origin if checkout else None
    frame = parent or ("'none'" if checkout else "http: https:")
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; base-uri 'none'; "
        f"form-action {' '.join(allowed)}; frame-ancestors {frame}"
    )
    headers = {"Content-Security-Policy": policy, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    return Response(page, media_type="text/html; charset=utf-8", status_code=status, headers=headers)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
