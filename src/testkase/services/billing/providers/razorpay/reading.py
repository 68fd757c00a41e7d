"""Razorpay's entities as our values. What is not there, or not what it must be, is an answer that cannot be read.

A status nobody announced is read as the first of its row: nothing has been decided yet. Empty `notes` come as a list
and others as an object; only an order's are read.
"""

import re
from collections.abc import Mapping
from typing import Any, get_args

from testkase.services.billing.provider import (
    Dispute,
    DisputeStatus,
    Link,
    LinkStatus,
    Order,
    OrderStatus,
    Payment,
    PaymentStatus,
    ProviderSilent,
    Refund,
    RefundStatus,
)
from testkase.services.billing.providers.razorpay.ids import id_or_none
from testkase.services.billing.providers.razorpay.text import bounded, instrument

Entity = Mapping[str, Any]
_MOST = 2**53
_CURRENCY = re.compile(r"[A-Z]{3}")
_YES = (True, 1, "1")
_LONGEST_SENTENCE, _LONGEST_WORD, _LONGEST_URL = 300, 40, 300


def order(entity: Entity) -> Order:
    return Order(
        order_id=_id("order", entity),
        amount=_number(entity, "amount"),
        amount_paid=_number(entity, "amount_paid"),
        currency=_currency(entity),
        status=_status(entity, get_args(OrderStatus)),
        receipt=bounded(entity.get("receipt"), _LONGEST_WORD),
        created_at=_number(entity, "created_at"),
        notes=_notes(entity.get("notes")),
    )


def _notes(said: object) -> dict[str, str]:
    if not isinstance(said, Mapping):
        return {}
    return {str(name)[:_LONGEST_WORD]: bounded(value, _LONGEST_SENTENCE) for name, value in said.items()}


def payment(entity: Entity) -> Payment:
    status: PaymentStatus = _status(entity, get_args(PaymentStatus))
    return Payment(
        payment_id=_id("pay", entity),
        order_id=id_or_none("order", entity.get("order_id")),
        amount=_number(entity, "amount"),
        currency=_currency(entity),
        status=status,
        # An authorized payment that Razorpay gave back by itself is `refunded` too, and was never captured.
        captured=status == "captured" or (status == "refunded" and entity.get("captured") in _YES),
        amount_refunded=_number_or_none(entity, "amount_refunded") or 0,
        created_at=_number(entity, "created_at"),
        method=bounded(entity.get("method"), _LONGEST_WORD),
        instrument=instrument(entity),
        international=entity.get("international") in _YES,
        fee=_number_or_none(entity, "fee"),
        tax=_number_or_none(entity, "tax"),
        failure=bounded(entity.get("error_description"), _LONGEST_SENTENCE) if status == "failed" else "",
    )


def refund(entity: Entity) -> Refund:
    return Refund(
        refund_id=_id("rfnd", entity),
        payment_id=_id("pay", entity, "payment_id"),
        amount=_number(entity, "amount"),
        currency=_currency(entity),
        status=_status(entity, get_args(RefundStatus)),
        created_at=_number(entity, "created_at"),
    )


def dispute(entity: Entity) -> Dispute:
    return Dispute(
        dispute_id=_id("disp", entity),
        payment_id=_id("pay", entity, "payment_id"),
        amount=_number(entity, "amount"),
        currency=_currency(entity),
        amount_deducted=_number_or_none(entity, "amount_deducted") or 0,
        status=_status(entity, get_args(DisputeStatus)),
        phase=bounded(entity.get("phase"), _LONGEST_WORD),
        created_at=_number(entity, "created_at"),
        respond_by=_number_or_none(entity, "respond_by"),
    )


def link(entity: Entity) -> Link:
    return Link(
        link_id=_id("plink", entity),
        amount=_number(entity, "amount"),
        amount_paid=_number_or_none(entity, "amount_paid") or 0,
        currency=_currency(entity),
        status=_status(entity, get_args(LinkStatus)),
        reference=bounded(entity.get("reference_id"), _LONGEST_WORD),
        url=_url(entity, "short_url"),
        payment_ids=_payment_ids(entity.get("payments")),
        created_at=_number(entity, "created_at"),
    )


def _payment_ids(payments: Any) -> tuple[str, ...]:
    """A link lists what paid it: an object, several, or nothing."""
    listed = payments if isinstance(payments, list) else [payments]
    found = (id_or_none("pay", one.get("payment_id") or one.get("id")) for one in listed if isinstance(one, dict))
    return tuple(dict.fromkeys(filter(None, found)))


def _id(prefix: str, entity: Entity, name: str = "id") -> str:
    found = id_or_none(prefix, entity.get(name))
    if found is None:
        raise _unreadable(name)
    return found


def _number(entity: Entity, name: str) -> int:
    found = _number_or_none(entity, name)
    if found is None:
        raise _unreadable(name)
    return found


def _number_or_none(entity: Entity, name: str) -> int | None:
    """A whole number from 0; a float is no amount."""
    value = entity.get(name)
    if value is None:
        return None
    if type(value) is not int or not 0 <= value < _MOST:
        raise _unreadable(name)
    return value


def _currency(entity: Entity) -> str:
    value = entity.get("currency")
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise _unreadable("currency")
    return value


def _url(entity: Entity, name: str) -> str:
    value = entity.get(name)
    if not isinstance(value, str) or not value.startswith(("https://", "http://")) or len(value) > _LONGEST_URL:
        raise _unreadable(name)
    return value


def _status(entity: Entity, row: tuple[Any, ...]) -> Any:
    value = entity.get("status")
    if not isinstance(value, str):
        raise _unreadable("status")
    return value if value in row else row[0]


def _unreadable(name: str) -> ProviderSilent:
    return ProviderSilent(f"Razorpay's answer cannot be read: its {name} is missing or not what it must be.")
