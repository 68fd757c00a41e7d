"""The four signatures, as pure functions: HMAC-SHA256 in hexadecimal, each with its own key and message."""

import hashlib
import hmac


def sign(message: bytes, secret: str) -> str:
    """HMAC-SHA256, hexadecimal."""
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def payment_signature(order_id: str, payment_id: str, key_secret: str) -> str:
    """What Checkout hands to the page after a payment."""
    return sign(f"{order_id}|{payment_id}".encode(), key_secret)


def webhook_signature(body: bytes, webhook_secret: str) -> str:
    """Over the very bytes that are sent."""
    return sign(body, webhook_secret)


def payment_link_signature(link_id: str, reference_id: str, status: str, payment_id: str, key_secret: str) -> str:
    """What the callback of a payment link carries."""
    return sign(f"{link_id}|{reference_id}|{status}|{payment_id}".encode(), key_secret)


def subscription_signature(payment_id: str, subscription_id: str, key_secret: str) -> str:
    """The payment comes first here, unlike everywhere else."""
    return sign(f"{payment_id}|{subscription_id}".encode(), key_secret)
