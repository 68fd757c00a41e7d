"""An order: created, attempted, paid; once paid it stays so, even when refunded."""

from typing import Any

import msgspec

from razorpay_simulator.model.notes import shown


class CaptureOptions(msgspec.Struct, kw_only=True):
    """When an authorised payment is captured, and how long it may wait; minutes after the payment was made."""

    mode: str = "automatic"
    automatic_expiry_minutes: int = 3 * 24 * 60
    manual_expiry_minutes: int = 3 * 24 * 60
    refund_speed: str = "normal"


class Order(msgspec.Struct, kw_only=True):
    """Amounts are integer minor units, times are Unix seconds; so everywhere here."""

    id: str
    amount: int
    currency: str
    created_at: int
    receipt: str | None = None
    notes: dict[str, str] = {}
    status: str = "created"
    attempts: int = 0
    amount_paid: int = 0
    unique_receipt: bool = False
    capture: CaptureOptions = msgspec.field(default_factory=CaptureOptions)
    payment_ids: list[str] = []
    payment_link_id: str | None = None

    def entity(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "entity": "order",
            "amount": self.amount,
            "amount_paid": self.amount_paid,
            "amount_due": self.amount - self.amount_paid,
            "currency": self.currency,
            "receipt": self.receipt,
            "offer_id": None,
            "status": self.status,
            "attempts": self.attempts,
            "notes": shown(self.notes),
            "created_at": self.created_at,
        }
