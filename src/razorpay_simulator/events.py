"""Webhook events, built and encoded by pure functions: what a delivery carries, without any HTTP.

body = encode(build("payment.captured", {"payment": payment.entity()}, account_id="acc_…", created_at=now))
signature = webhook_signature(body, secret)
"""

from collections.abc import Mapping
from typing import Any

import msgspec

CONTAINS: dict[str, tuple[str, ...]] = {
    "payment.authorized": ("payment",),
    "payment.captured": ("payment",),
    "payment.failed": ("payment",),
    "order.paid": ("payment", "order"),
    "refund.created": ("refund", "payment"),
    "refund.processed": ("refund", "payment"),
    "refund.failed": ("refund", "payment"),
    "refund.speed_changed": ("refund", "payment"),
    "payment.dispute.created": ("payment", "dispute"),
    "payment.dispute.under_review": ("payment", "dispute"),
    "payment.dispute.action_required": ("payment", "dispute"),
    "payment.dispute.won": ("payment", "dispute"),
    "payment.dispute.lost": ("payment", "dispute"),
    "payment.dispute.closed": ("payment", "dispute"),
    "payment_link.paid": ("payment_link", "order", "payment"),
    "payment_link.cancelled": ("payment_link",),
    "payment_link.expired": ("payment_link",),
}
"""Every event the simulator sends, and the entities in it."""


def build(event: str, entities: Mapping[str, Mapping[str, Any]], *, account_id: str, created_at: int) -> dict[str, Any]:
    """The envelope. `entities` are as the API shows them, by the names of CONTAINS; for an event that is not in it, as
    they come. Raises KeyError when one is missing."""
    contains = CONTAINS.get(event, tuple(entities))
    return {
        "entity": "event",
        "account_id": account_id,
        "event": event,
        "contains": list(contains),
        "payload": {name: {"entity": entities[name]} for name in contains},
        "created_at": created_at,
    }


def encode(event: Mapping[str, Any]) -> bytes:
    """The bytes to sign and to send, both from this one encoding."""
    return msgspec.json.encode(event)
