"""A dispute about a payment: open, under review, then won, lost or closed."""

from typing import Any

import msgspec

RESOLVED = frozenset({"won", "lost", "closed"})


class Dispute(msgspec.Struct, kw_only=True):
    """`amount_deducted` stays 0 until the dispute is lost."""

    id: str
    payment_id: str
    amount: int
    currency: str
    created_at: int
    respond_by: int
    phase: str = "chargeback"
    reason_code: str = "goods_or_services_not_received_or_partially_received"
    status: str = "open"
    amount_deducted: int = 0
    evidence: dict[str, Any] = {}

    def entity(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "entity": "dispute",
            "payment_id": self.payment_id,
            "amount": self.amount,
            "currency": self.currency,
            "amount_deducted": self.amount_deducted,
            "reason_code": self.reason_code,
            "respond_by": self.respond_by,
            "status": self.status,
            "phase": self.phase,
            "created_at": self.created_at,
            "evidence": {"amount": self.amount, "summary": None, "submitted_at": None, **self.evidence},
        }
