"""Amounts in and out: decimals, never floats. Ids made where the caller brought none."""

import secrets
import time
from datetime import datetime
from decimal import Decimal

Amount = Decimal | str
"""Credits or money. A string is sent as it is, a Decimal in its shortest form: equal amounts are equal input."""


def amount_text(amount: object) -> str:
    """What is sent. Raises TypeError for a float and whatever else is no decimal, ValueError for NaN and infinity."""
    if isinstance(amount, str):
        return amount
    if not isinstance(amount, Decimal):
        raise TypeError(f"an amount is a Decimal or a str such as '12.34', not a {type(amount).__name__}")
    if not amount.is_finite():
        raise ValueError(f"{amount} is no amount")
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def time_text(moment: datetime | str | None) -> str | None:
    """RFC 3339. Raises ValueError for a time without an offset: it would be another moment on another machine."""
    if not isinstance(moment, datetime):
        return moment
    if moment.tzinfo is None:
        raise ValueError("a time needs an offset, such as datetime.now(UTC)")
    return moment.isoformat()


def new_id(prefix: str) -> str:
    """An id nobody else makes; it sorts by time of making."""
    return f"{prefix}_{int(time.time() * 1000):012x}{secrets.token_hex(10)}"
