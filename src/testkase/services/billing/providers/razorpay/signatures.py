"""Razorpay's signatures: HMAC-SHA256 in hex, over bytes as they arrived, compared in constant time.

The SDK's own checks take text only and raise other errors for signatures that are not ASCII or not there; a signature
is either good or it is not.
"""

import hashlib
import hmac
from collections.abc import Iterable


def sign(secret: str, message: bytes) -> str:
    """What the holder of the secret would send with this message."""
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def is_signed(message: bytes, signature: str | None, secrets: Iterable[str]) -> bool:
    """Whether one of the secrets made this signature. No signature is never good, and neither is an empty secret."""
    if not signature:
        return False
    given = signature.encode("utf-8", "replace")
    return any(hmac.compare_digest(sign(secret, message).encode(), given) for secret in secrets if secret)


def is_checkout_signed(*, order_id: str, payment_id: str, signature: str, key_secret: str) -> bool:
    """What the browser brings back is signed with the API key's secret, over our order and its payment."""
    return is_signed(f"{order_id}|{payment_id}".encode("utf-8", "replace"), signature, (key_secret,))


def is_link_signed(
    *, link_id: str, reference: str, status: str, payment_id: str, signature: str, key_secret: str
) -> bool:
    """What the browser brings back from a payment link's page is signed likewise, over the link and how it stands."""
    message = f"{link_id}|{reference}|{status}|{payment_id}"
    return is_signed(message.encode("utf-8", "replace"), signature, (key_secret,))
