"""The door of the merchant's API: who asks, which route answers, and faults F13 and F19 on the way."""

import asyncio
import base64
import binascii
import hmac
from typing import Any, cast

import msgspec
from litestar import Request, Response
from litestar.enums import MediaType

from razorpay_simulator.api import disputes, links, orders, payments, refunds
from razorpay_simulator.api.call import Call
from razorpay_simulator.config import LIVE
from razorpay_simulator.errors import Refusal, not_authenticated, unknown_url
from razorpay_simulator.faults import Fault
from razorpay_simulator.simulator import Simulator
from razorpay_simulator.webhooks import outbox
from razorpay_simulator.webhooks.dispatcher import Dispatcher

AnyRequest = Request[Any, Any, Any]
ROUTES = (*orders.ROUTES, *payments.ROUTES, *refunds.ROUTES, *links.ROUTES, *disputes.ROUTES)
_PATTERNS = tuple((route, route.pattern) for route in ROUTES)
BREAK = "razorpay_simulator.break"
"""The extension of our server by which a connection is cut instead of answered."""
_SLEEP_SECONDS = 30.0
_BROKEN: dict[str, Refusal] = {
    "401": not_authenticated(),
    "429": Refusal("Too many requests", status=429, source="NA", step="NA", reason="NA"),
    "500": Refusal(
        "We are facing some trouble completing your request at the moment. Please try again shortly.",
        status=500, code="SERVER_ERROR", source="NA", step="NA", reason="NA",
    ),
}  # fmt: skip
_PROXY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


def reply(value: Any, status: int = 200) -> Response[bytes]:
    """JSON."""
    return Response(msgspec.json.encode(value), status_code=status, media_type=MediaType.JSON)


def refused(refusal: Refusal) -> Response[bytes]:
    return reply(refusal.body(), refusal.status)


class Door:
    """Answers every request under /v1 that is not Checkout's."""

    def __init__(self, sim: Simulator, dispatcher: Dispatcher) -> None:
        self.sim = sim
        self.dispatcher = dispatcher

    async def answer(self, request: AnyRequest) -> Response[bytes]:
        """Raises Refusal; the application makes its answer of it."""
        path = request.scope["path"].rstrip("/")
        self._authenticate(request)
        fault = self.sim.faults.take("F13", method=request.method, path=path)
        await _before(request, fault)
        response = await self._result(request, path)
        outbox.release(self.sim)
        self.sim.keep()
        self.dispatcher.wake()
        await _after(request, fault)
        return response

    async def _result(self, request: AnyRequest, path: str) -> Response[bytes]:
        for route, pattern in _PATTERNS:
            if route.method == request.method and (match := pattern.fullmatch(path)):
                call = await read_call(request, match.groups())
                before = len(self.sim.happened)
                answer = route.answer(self.sim, call)
                if route.answer is orders.create and len(self.sim.happened) > before:
                    await self._tell_first()
                return reply(answer)
        raise unknown_url()

    async def _tell_first(self) -> None:
        """Fault F3: the webhooks of a new order are taken before its creation is answered."""
        outbox.release(self.sim)
        await self.dispatcher.step()

    def _authenticate(self, request: AnyRequest) -> None:
        config = self.sim.config
        key_id, secret = _basic(request.headers.get("authorization", ""))
        if key_id.startswith(LIVE):
            raise not_authenticated("Authentication failed: this is a simulator, and live keys are refused")
        if self.sim.faults.take("F19", method=request.method, path=request.scope["path"]):
            raise not_authenticated()
        right = hmac.compare_digest(key_id.encode(), config.key_id.encode())
        if not (right and hmac.compare_digest(secret.encode(), config.key_secret.encode())):
            raise not_authenticated()


def _basic(header: str) -> tuple[str, str]:
    """The word is taken exactly as `Basic`."""
    scheme, _, encoded = header.partition(" ")
    if scheme != "Basic":
        return "", ""
    try:
        key_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return key_id, secret


async def read_call(request: AnyRequest, ids: tuple[str, ...]) -> Call:
    body = await request.body()
    try:
        value = msgspec.json.decode(body) if body.strip() else {}
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise Refusal("The request body is not valid JSON.") from None
    if not isinstance(value, dict):
        value = {}
    headers = {name.lower(): text for name, text in request.headers.items()}
    return Call(ids=ids, query=dict(request.query_params.items()), body=value, headers=headers)


async def _before(request: AnyRequest, fault: Fault | None) -> None:
    """Faults in which nothing is done."""
    if fault is None:
        return
    if fault.mode in _BROKEN:
        raise _BROKEN[fault.mode]
    if fault.mode == "502":
        raise ProxyFailed
    if fault.mode == "timeout-before":
        await asyncio.sleep(fault.seconds if fault.seconds is not None else _SLEEP_SECONDS)
        raise ProxyFailed
    if fault.mode == "reset":
        cut(request)


async def _after(request: AnyRequest, fault: Fault | None) -> None:
    """Faults in which everything is done, and the caller does not learn of it."""
    if fault is None:
        return
    if fault.mode == "timeout":
        await asyncio.sleep(fault.seconds if fault.seconds is not None else _SLEEP_SECONDS)
    if fault.mode == "reset-after":
        cut(request)


class ProxyFailed(Exception):  # noqa: N818 - what happened, not a fault of the program
    """Something in front of the API gave up: no JSON, a page."""

    @staticmethod
    def response() -> Response[bytes]:
        return Response(_PROXY_PAGE, status_code=502, media_type=MediaType.HTML)


def cut(request: AnyRequest) -> None:
    """Break the connection. Where the server cannot, it is a failure of the proxy."""
    extensions = cast(dict[str, Any], request.scope.get("extensions") or {})
    if BREAK in extensions:
        extensions[BREAK]()
    raise ProxyFailed
