"""Where people pay: the payment provider as pages reach it, and the addresses a browser may go to for it.

`till` is the one accessor: None where no provider is set up. What it answers, `_till`, is what tests replace.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction

from testkase.foundation.database import Operation
from testkase.foundation.razorpay_account import CHECKOUT_JS
from testkase.services.billing.errand import Errand, run_errand
from testkase.services.billing.model import NotSetUp
from testkase.services.billing.provider import Provider
from testkase.services.billing.providers.choose import provider_from
from testkase.services.billing.seller import Seller, load_seller
from testkase.services.organizations.tenancy import run_here, tenant_transaction

T = TypeVar("T")

_WHOLE_PROVIDER = "https://*.razorpay.com"
"""What Razorpay asks shops to allow: its script loads parts of itself from several of its hosts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """The provider, and where its checkout lives."""

    provider: Provider
    api_url: str
    checkout_js: str

    @property
    def hosted_checkout(self) -> str:
        """The provider's page for browsers without scripts."""
        return f"{self.api_url}/v1/checkout/embedded"

    @property
    def sources(self) -> dict[str, str]:
        """What the page with the checkout may reach, as its content security policy says."""
        script, api = _origin(self.checkout_js), _origin(self.api_url)
        whole = _WHOLE_PROVIDER if self.checkout_js == CHECKOUT_JS else ""
        hosts = " ".join(dict.fromkeys(filter(None, (script, api, whole))))
        return {
            "script-src": hosts,
            "frame-src": hosts,
            "connect-src": hosts,
            "img-src": hosts,
            "form-action": hosts,
            "style-src-attr": "'unsafe-inline'",  # the script places its window with style attributes
        }


def till() -> Till | None:
    """The operator's account at the provider; None where there is none."""
    return _till()


@lru_cache(maxsize=1)
def _till() -> Till | None:
    provider, account = provider_from(settings.VALUES), settings.VALUES.razorpay
    if provider is None or account is None:
        return None
    return Till(provider=provider, api_url=account.api_url, checkout_js=account.checkout_js)


@lru_cache(maxsize=1)
def seller() -> Seller:
    """Who sells, as receipts name them."""
    return load_seller(settings.VALUES.seller)


def transact(operation: Operation[Any], *, org_id: int | None) -> Any:
    """One operation in a transaction of its own; without an organization it sees the directories alone."""
    if org_id is None:
        with transaction.atomic():
            return run_here(operation)
    with tenant_transaction(org_id):
        return run_here(operation)


def carry_out(errand: Errand[T]) -> T:
    """Run an errand with the provider. No transaction may be open. Raises NotSetUp, and what the errand raises."""
    found = till()
    if found is None:
        errand.close()
        raise NotSetUp("Buying is not set up on this installation. Its operator names a payment provider.")
    return run_errand(errand, found.provider, transact)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
