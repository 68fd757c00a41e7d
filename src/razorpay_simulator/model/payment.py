"""A payment: created, then authorized or failed, then captured, then refunded. A failed one may still succeed."""

from typing import Any

import msgspec

from razorpay_simulator.model.notes import shown


class Card(msgspec.Struct, kw_only=True):
    """What is remembered of a card: never its number."""

    id: str
    last4: str
    network: str
    name: str = ""
    type: str = "credit"
    issuer: str | None = None
    international: bool = False

    def entity(self) -> dict[str, Any]:
        return {"id": self.id, "entity": "card", "name": self.name, "last4": self.last4, "network": self.network,
                "type": self.type, "issuer": self.issuer, "international": self.international, "emi": False,
                "sub_type": "consumer", "token_iin": None}  # fmt: skip


class Failure(msgspec.Struct, kw_only=True, frozen=True):
    """Why a payment failed, in the words of the error object."""

    code: str
    description: str
    source: str
    step: str
    reason: str

    def entity(self, payment_id: str, order_id: str | None) -> dict[str, Any]:
        metadata = {"payment_id": payment_id, **({"order_id": order_id} if order_id else {})}
        return {"code": self.code, "description": self.description, "source": self.source, "step": self.step,
                "reason": self.reason, "metadata": metadata}  # fmt: skip


class Payment(msgspec.Struct, kw_only=True):
    """One attempt to pay, with or without an order."""

    id: str
    amount: int
    currency: str
    method: str
    created_at: int
    order_id: str | None = None
    status: str = "created"
    international: bool = False
    base_amount: int | None = None
    amount_refunded: int = 0
    captured: bool = False
    description: str | None = None
    card: Card | None = None
    bank: str | None = None
    wallet: str | None = None
    vpa: str | None = None
    email: str | None = None
    contact: str | None = None
    notes: dict[str, str] = {}
    fee: int | None = None
    tax: int | None = None
    failure: Failure | None = None
    acquirer_data: dict[str, str] = {}
    late_authorized: bool = False
    refund_ids: list[str] = []

    @property
    def refund_status(self) -> str | None:
        if not self.amount_refunded:
            return None
        return "full" if self.amount_refunded >= self.amount else "partial"

    def entity(self) -> dict[str, Any]:
        base = {} if self.base_amount is None else {"base_amount": self.base_amount, "base_currency": "INR"}
        card = {} if self.card is None else {"card": self.card.entity()}
        failure = self.failure
        return {
            "id": self.id,
            "entity": "payment",
            "amount": self.amount,
            "currency": self.currency,
            **base,
            "status": self.status,
            "order_id": self.order_id,
            "invoice_id": None,
            "international": self.international,
            "method": self.method,
            "amount_refunded": self.amount_refunded,
            "refund_status": self.refund_status,
            "captured": self.captured,
            "description": self.description,
            "card_id": self.card.id if self.card else None,
            **card,
            "bank": self.bank,
            "wallet": self.wallet,
            "vpa": self.vpa,
            "email": self.email,
            "contact": self.contact,
            "notes": shown(self.notes),
            "fee": self.fee,
            "tax": self.tax,
            "error_code": failure.code if failure else None,
            "error_description": failure.description if failure else None,
            "error_source": failure.source if failure else None,
            "error_step": failure.step if failure else None,
            "error_reason": failure.reason if failure else None,
            "acquirer_data": self.acquirer_data,
            "created_at": self.created_at,
            **({"late_authorized": True} if self.late_authorized else {}),
        }
