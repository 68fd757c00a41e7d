"""A refund: pending, then processed or failed."""

from typing import Any

import msgspec

from razorpay_simulator.model.notes import shown


class Refund(msgspec.Struct, kw_only=True):
    """Money going back, all of a payment or a part."""

    id: str
    payment_id: str
    amount: int
    currency: str
    created_at: int
    receipt: str | None = None
    notes: dict[str, str] = {}
    status: str = "pending"
    speed_requested: str = "normal"
    speed_processed: str = "normal"
    arn: str | None = None
    of_captured: bool = True
    """False when the money had only been authorised, so that nothing captured goes back."""

    def entity(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "entity": "refund",
            "amount": self.amount,
            "currency": self.currency,
            "payment_id": self.payment_id,
            "notes": shown(self.notes),
            "receipt": self.receipt,
            "acquirer_data": {"arn": self.arn},
            "created_at": self.created_at,
            "batch_id": None,
            "status": self.status,
            "speed_requested": self.speed_requested,
            "speed_processed": self.speed_processed,
        }


class RefundKey(msgspec.Struct, kw_only=True):
    """An X-Refund-Idempotency header that has been used: with which input, and what was answered."""

    id: str
    input: str
    answer: dict[str, Any]
