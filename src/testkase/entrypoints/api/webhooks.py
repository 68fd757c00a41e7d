"""Reports of the payment provider: signed, kept, answered at once, and worked on by the worker (razorpay.md's rules).

The signature is checked over the bytes as they came, before anything is read from them. Of the body nothing is logged.
What could not be kept is answered 5xx, so that the provider sends it again.
"""

from typing import Any

from litestar import Request
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from testkase.entrypoints.api.body import AnyRequest, header, read_bytes
from testkase.entrypoints.api.context import Context
from testkase.entrypoints.api.refusals import as_problem, refuse
from testkase.entrypoints.api.reply import Reply
from testkase.foundation.problems import InvalidInput, NotFound, Problem
from testkase.services.billing.metrics import REPORTS
from testkase.services.billing.reports.inbox import receive

PATH = "/webhooks/razorpay"
MOST_BYTES = 1024 * 1024


class InvalidSignature(Problem):
    """Nobody who knows the webhook's secret sent this."""

    code = "invalid_signature"
    title = "The signature is not valid"


def webhook_handler(context: Context) -> HTTPRouteHandler:
    """The one route that needs no API key: its body is signed instead."""
    public_url = context.settings.public_url

    async def handle(request: Request[Any, Any, Any]) -> ASGIResponse:
        try:
            return (await _receive(context, request)).response()
        except Exception as error:  # noqa: BLE001 - whatever it is, the provider gets a status it understands
            return refuse(as_problem(error), public_url)

    return HTTPRouteHandler(PATH, http_method="POST", status_code=200, name=f"POST {PATH}")(handle)


async def _receive(context: Context, request: AnyRequest) -> Reply:
    provider = context.provider
    if provider is None:
        raise NotFound("There is nothing at this address.")
    body = await read_bytes(request, MOST_BYTES)
    if not provider.is_webhook_signature(body, header(request, b"x-razorpay-signature")):
        REPORTS.labels("refused").inc()
        raise InvalidSignature("The body is not signed with this webhook's secret.")
    try:
        event = provider.read_event(body)
    except InvalidInput:
        REPORTS.labels("refused").inc()
        raise
    is_new = await context.database.run(receive(body, event))
    REPORTS.labels("new" if is_new else "repeated").inc()
    return Reply({"status": "received"})
