"""Razorpay's ids: a prefix that says what it names, then letters and digits. Anything else is not sent and not kept."""

import re
from typing import Any

from testkase.foundation.problems import InvalidInput
from testkase.services.billing.provider import ProviderRefused

_NAMES = {
    "order": "an order",
    "pay": "a payment",
    "rfnd": "a refund",
    "disp": "a dispute",
    "plink": "a payment link",
}
_KEY = re.compile(r"[A-Za-z0-9_-]{10,40}")
_PATTERNS = {prefix: re.compile(rf"{prefix}_[A-Za-z0-9]{{1,40}}") for prefix in _NAMES}


def checked_key(value: str) -> str:
    """An idempotency key Razorpay would take. Raises InvalidInput."""
    if not _KEY.fullmatch(value):
        raise InvalidInput("A refund's key is 10 to 40 letters, digits, - and _.", field="refund_key")
    return value


def id_or_none(prefix: str, value: Any) -> str | None:
    """The value where it is an id of that kind."""
    return value if isinstance(value, str) and _PATTERNS[prefix].fullmatch(value) else None


def checked_id(prefix: str, value: str) -> str:
    """An id that may stand in an address. Raises ProviderRefused, as Razorpay does for an id it does not know."""
    if id_or_none(prefix, value) is None:
        raise ProviderRefused(f"This is not the id of {_NAMES[prefix]}.", field="id", reason="input_validation_failed")
    return value
