"""What a webhook of Razorpay tells of. Events we have no use for, and fields nobody announced, are read all the same:
refusing one would have it sent again for a day, and then the webhook is switched off."""

import re
from typing import Any

import msgspec

from testkase.foundation.problems import InvalidInput
from testkase.services.billing.provider import Event
from testkase.services.billing.providers.razorpay.ids import id_or_none

_LONGEST_NAME = 80
_LATEST_INSTANT = 2**40


def read_event(body: bytes) -> Event:
    """Raises InvalidInput for bytes that are no event. Verify them before."""
    envelope = _decoded(body)
    name = envelope.get("event")
    if not isinstance(name, str) or not name:
        raise InvalidInput("The body is not an event of Razorpay.", field="event")
    payment, refund, dispute = (_entity(envelope, kind) for kind in ("payment", "refund", "dispute"))
    created_at = envelope.get("created_at")
    return Event(
        name=re.sub(r"[^a-z0-9._]", "?", name[:_LONGEST_NAME].lower()),
        order_id=_first("order", _entity(envelope, "order").get("id"), payment.get("order_id")),
        payment_id=_first("pay", payment.get("id"), refund.get("payment_id"), dispute.get("payment_id")),
        refund_id=id_or_none("rfnd", refund.get("id")),
        dispute_id=id_or_none("disp", dispute.get("id")),
        link_id=id_or_none("plink", _entity(envelope, "payment_link").get("id")),
        created_at=created_at if type(created_at) is int and 0 <= created_at < _LATEST_INSTANT else 0,
    )


def _first(prefix: str, *values: Any) -> str | None:
    return next((value for value in values if id_or_none(prefix, value)), None)


def _decoded(body: bytes) -> dict[str, Any]:
    try:
        envelope = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The body is not JSON.", field="body") from error
    if not isinstance(envelope, dict):
        raise InvalidInput("The body is not an event of Razorpay.", field="body")
    return envelope


def _entity(envelope: dict[str, Any], kind: str) -> dict[str, Any]:
    """One thing the event is about, as it was at that moment; an empty one where it says nothing of it."""
    found: Any = envelope
    for name in ("payload", kind, "entity"):
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
