"""Which provider this installation buys through."""

import hmac

from testkase.foundation.settings import Settings
from testkase.services.billing.provider import Provider
from testkase.services.billing.providers.razorpay.provider import RazorpayProvider


def provider_from(settings: Settings) -> Provider | None:
    """The provider whose keys are set; None where buying is not set up."""
    if settings.razorpay is None:
        return None
    return RazorpayProvider(settings.razorpay, installation=_mark(settings.secret_key))


def _mark(secret_key: str) -> str:
    """The same wherever this installation is restored, and no other's."""
    return hmac.digest(secret_key.encode(), b"orders of this installation", "sha256").hex()[:24]
