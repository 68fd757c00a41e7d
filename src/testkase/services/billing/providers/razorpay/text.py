"""Words of Razorpay's that people will read: bounded, and without the characters that belong in no sentence."""

import re
from collections.abc import Mapping
from typing import Any

_LAST_DIGITS = re.compile(r"[0-9]{4}")
_LONGEST_NAME = 40


def bounded(value: Any, most: int) -> str:
    """A string's printable beginning; nothing of what is no string."""
    if not isinstance(value, str):
        return ""
    return "".join(character for character in value[: 2 * most] if character.isprintable())[:most].strip()


def instrument(entity: Mapping[str, Any]) -> str:
    """What people recognise a payment by; never enough of it to pay with or to write to them."""
    card = entity.get("card")
    if isinstance(card, dict):
        return _card(card)
    if vpa := bounded(entity.get("vpa"), 2 * _LONGEST_NAME):
        return _hidden_address(vpa)
    bank = bounded(entity.get("bank"), _LONGEST_NAME)
    if entity.get("method") == "card":  # asked for by itself, a payment names only the bank that issued its card
        return f"{bank} card" if bank else "Card"
    return bank or bounded(entity.get("wallet"), _LONGEST_NAME)


def _card(card: Mapping[str, Any]) -> str:
    network, last = bounded(card.get("network"), _LONGEST_NAME) or "Card", card.get("last4")
    return f"{network} •••• {last}" if isinstance(last, str) and _LAST_DIGITS.fullmatch(last) else network


def _hidden_address(vpa: str) -> str:
    """A UPI address is often a telephone number: its beginning and the bank's handle say enough."""
    name, at, handle = vpa.partition("@")
    return f"{name[: min(3, len(name) // 2)]}•••{at}{handle}"[:_LONGEST_NAME]
