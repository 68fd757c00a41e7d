"""The application: the merchant's API, Checkout, the administrator's side, and a page for people."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from litestar import Litestar, Request, Response, get, route
from litestar.exceptions import HTTPException

from razorpay_simulator.admin.handlers import admin_handlers
from razorpay_simulator.api.door import Door, ProxyFailed, refused
from razorpay_simulator.checkout.handlers import checkout_handlers
from razorpay_simulator.config import Config
from razorpay_simulator.errors import Refusal, unknown_url
from razorpay_simulator.simulator import Simulator
from razorpay_simulator.webhooks.dispatcher import Dispatcher

_METHODS: Any = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def create_app(config: Config, *, simulator: Simulator | None = None) -> Litestar:
    """The simulator is found at `app.state.simulator`, its sender of webhooks at `app.state.dispatcher`; that one works
    in the background while the application's lifespan runs."""
    sim = simulator or Simulator(config)
    dispatcher = Dispatcher(sim)
    door = Door(sim, dispatcher)

    @route("/v1/{rest:path}", http_method=_METHODS, status_code=200)
    async def merchant(request: Request[Any, Any, Any]) -> Response[bytes]:
        return await door.answer(request)

    @get("/healthz", sync_to_thread=False)
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @asynccontextmanager
    async def sending(_: Litestar) -> AsyncIterator[None]:
        task = asyncio.create_task(dispatcher.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await dispatcher.close()
            sim.keep()
            sim.store.close()

    app = Litestar(
        [merchant, health, *checkout_handlers(sim, dispatcher), *admin_handlers(sim, dispatcher)],
        lifespan=[sending],
        exception_handlers={Exception: _answer_error},
        openapi_config=None,
        logging_config=None,
        request_max_body_size=2**20,
    )
    app.state.simulator = sim
    app.state.dispatcher = dispatcher
    return app


def _answer_error(_: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """An address that does not exist, with any method, is a bad request, as Razorpay has it."""
    if isinstance(error, Refusal):
        return refused(error)
    if isinstance(error, ProxyFailed):
        return error.response()
    if isinstance(error, HTTPException) and error.status_code < 500:
        return refused(unknown_url())
    fault = f"{type(error).__name__}: {error}"
    return refused(Refusal(f"The simulator has a fault: {fault}", status=500, code="SERVER_ERROR"))
