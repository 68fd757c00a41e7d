"""Ids the server makes when a caller did not bring one of its own."""

import secrets
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id(prefix: str) -> str:
    """An id such as `hold_01JD…`: 48 bits of milliseconds, 80 random bits, Crockford base 32; sorts by time of
    making."""
    value = (int(time.time() * 1000) << 80) | secrets.randbits(80)
    digits = [_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(digits)}"
