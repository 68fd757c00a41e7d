"""Webhooks: where they go, what happened, and every attempt to tell."""

from typing import Any

import msgspec


class Endpoint(msgspec.Struct, kw_only=True):
    """An address that wants to hear of events; `events` of `["*"]` means all."""

    id: str
    url: str
    created_at: int
    secret: str | None = None
    events: list[str] = msgspec.field(default_factory=lambda: ["*"])
    enabled: bool = True
    disabled_at: int | None = None
    configured: bool = False
    """The one the simulator was started with: its address and secret are those of the latest start."""
    alerts: list[str] = []
    """Letters that would have been sent to the owner."""

    def wants(self, event: str) -> bool:
        return self.enabled and ("*" in self.events or event in self.events)

    def entity(self) -> dict[str, Any]:
        """As the API shows it, without the secret."""
        return {"id": self.id, "entity": "webhook", "url": self.url, "active": self.enabled,
                "secret_exists": self.secret is not None, "events": self.events, "disabled_at": self.disabled_at,
                "created_at": self.created_at}  # fmt: skip


class Event(msgspec.Struct, kw_only=True):
    """Something that happened. `id` is the x-razorpay-event-id of all its deliveries; `body` is encoded once."""

    id: str
    name: str
    body: str
    created_at: int
    order_id: str | None = None
    payment_id: str | None = None


class Attempt(msgspec.Struct, kw_only=True):
    """One try: the answer's status, or why there was none."""

    at: int
    status: int | None = None
    error: str | None = None


class Delivery(msgspec.Struct, kw_only=True):
    """An event on its way to an endpoint, with the secret of the time it happened: a retry after a rotation still
    carries the old one. `state` is pending, delivered, failed or suppressed."""

    id: str
    event_id: str
    event: str
    endpoint_id: str
    body: str
    secret: str | None
    created_at: int
    next_at: float
    state: str = "pending"
    attempts: list[Attempt] = []
    tamper: str | None = None
    """What fault F7 does to it."""
