"""A payment link: created, then paid, cancelled or expired."""

from typing import Any

import msgspec

from razorpay_simulator.model.notes import shown


class PaymentLink(msgspec.Struct, kw_only=True):
    """An address at which somebody can pay an amount once."""

    id: str
    amount: int
    currency: str
    created_at: int
    updated_at: int
    short_url: str
    reference_id: str = ""
    description: str = ""
    customer: dict[str, str] = {}
    notify: dict[str, bool] = {}
    reminder_enable: bool = False
    notes: dict[str, str] = {}
    callback_url: str = ""
    callback_method: str = ""
    expire_by: int = 0
    status: str = "created"
    amount_paid: int = 0
    cancelled_at: int = 0
    expired_at: int = 0
    order_id: str | None = None
    payments: list[dict[str, Any]] = []
    notified: list[str] = []
    """Media of notifications that would have been sent."""

    def entity(self) -> dict[str, Any]:
        return {
            "accept_partial": False,
            "amount": self.amount,
            "amount_paid": self.amount_paid,
            "callback_method": self.callback_method,
            "callback_url": self.callback_url,
            "cancelled_at": self.cancelled_at,
            "created_at": self.created_at,
            "currency": self.currency,
            "customer": self.customer,
            "description": self.description,
            "expire_by": self.expire_by,
            "expired_at": self.expired_at,
            "first_min_partial_amount": 0,
            "id": self.id,
            "notes": shown(self.notes),
            "notify": self.notify,
            "order_id": self.order_id,
            "payments": self.payments,
            "reference_id": self.reference_id,
            "reminder_enable": self.reminder_enable,
            "reminders": [],
            "short_url": self.short_url,
            "status": self.status,
            "updated_at": self.updated_at,
            "upi_link": False,
            "user_id": "",
        }
