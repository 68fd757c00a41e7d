"""One attempt to deliver one message: exactly the signed bytes, five seconds, anything but 2xx is a failure."""

import httpx

from razorpay_simulator.model import Delivery
from razorpay_simulator.signing import webhook_signature

_WRONG_SECRET = "a secret of somebody else"  # noqa: S105 - that is its use


def headers(delivery: Delivery) -> dict[str, str]:
    """The event's id is the same on every attempt. No secret, no signature."""
    made = {
        "Content-Type": "application/json",
        "User-Agent": "Razorpay-Webhook/v1 (simulator)",
        "x-razorpay-event-id": delivery.event_id,
    }
    if delivery.secret is None or delivery.tamper == "no-signature":
        return made
    secret = _WRONG_SECRET if delivery.tamper == "wrong-secret" else delivery.secret
    signature = webhook_signature(delivery.body.encode(), secret)
    made["X-Razorpay-Signature"] = "0" * len(signature) if delivery.tamper == "wrong-signature" else signature
    return made


def content(delivery: Delivery) -> bytes:
    """What goes over the wire; under fault F7 not what was signed."""
    body = delivery.body.encode()
    if delivery.tamper != "tampered-body":
        return body
    return body.replace(b'"amount":', b'"amount":9', 1)


async def send(client: httpx.AsyncClient, url: str, delivery: Delivery) -> tuple[int | None, str | None]:
    """The status of the answer, or why there was none."""
    try:
        answer = await client.post(url, content=content(delivery), headers=headers(delivery))
    except httpx.TimeoutException:
        return None, "no answer in time"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return None, f"no connection: {type(error).__name__}"
    return answer.status_code, None
