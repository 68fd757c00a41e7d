"""Which provider this installation buys through."""

from testkase.foundation.settings import Settings
from testkase.services.billing.provider import Provider
from testkase.services.billing.providers.razorpay.provider import RazorpayProvider


def provider_from(settings: Settings) -> Provider | None:
    """The provider whose keys are set; None where buying is not set up."""
    return RazorpayProvider(settings.razorpay) if settings.razorpay else None
