"""One opening of Checkout: in a modal, on a page of its own, or for a payment link."""

from typing import Any

import msgspec


class Checkout(msgspec.Struct, kw_only=True):
    """`step` is choose, otp, bank or done."""

    id: str
    kind: str
    order_id: str | None
    amount: int
    currency: str
    name: str = ""
    description: str = ""
    image: str = ""
    method: str = ""
    color: str = ""
    prefill: dict[str, str] = {}
    notes: dict[str, str] = {}
    retry: bool = True
    parent_origin: str | None = None
    callback_url: str | None = None
    cancel_url: str | None = None
    link_id: str | None = None
    step: str = "choose"
    payment_id: str | None = None
    error: dict[str, Any] | None = None
    handler: dict[str, str] | None = None
    silent: bool = False
    """Fault F4: the browser is gone before the page hears of it."""
