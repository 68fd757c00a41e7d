"""The operator's account at Razorpay, as the environment names it, and which addresses its keys may be sent to.

Real money moves with live keys: they go to Razorpay itself and nowhere else.
"""

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from testkase.foundation.problems import InvalidInput

API_URL = "https://api.razorpay.com"
CHECKOUT_JS = "https://checkout.razorpay.com/v1/checkout.js"
LIVE, TEST = "rzp_live_", "rzp_test_"


@dataclass(frozen=True, slots=True, kw_only=True)
class RazorpayAccount:
    """Keys that belong together, and where they are used."""

    key_id: str
    """Public: the browser's checkout carries it."""
    key_secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    previous_webhook_secret: str | None = field(repr=False, default=None)
    """Still good while Razorpay repeats webhooks it signed before the secret was changed."""
    api_url: str = API_URL
    checkout_js: str = CHECKOUT_JS

    @property
    def is_test(self) -> bool:
        """No real money moves."""
        return self.key_id.startswith(TEST)


def account(
    *,
    key_id: str,
    key_secret: str,
    webhook_secret: str,
    previous_webhook_secret: str,
    api_url: str,
    checkout_js: str,
) -> RazorpayAccount | None:
    """The account, or None where no key is set. Raises InvalidInput with one sentence for what cannot be meant."""
    given = {
        "RAZORPAY_KEY_ID": key_id,
        "RAZORPAY_KEY_SECRET": key_secret,
        "RAZORPAY_WEBHOOK_SECRET": webhook_secret,
    }
    missing = [name for name, value in given.items() if not value]
    if len(missing) == len(given):
        return None
    if missing:
        raise InvalidInput(
            f"{' and '.join(missing)} must be set too: Razorpay needs {', '.join(given)}, or none of them.",
            field=missing[0],
        )
    _check_values({**given, "RAZORPAY_WEBHOOK_SECRET_PREVIOUS": previous_webhook_secret})
    api_url = (api_url or API_URL).rstrip("/")
    made = RazorpayAccount(
        key_id=key_id,
        key_secret=key_secret,
        webhook_secret=webhook_secret,
        previous_webhook_secret=previous_webhook_secret or None,
        api_url=api_url,
        checkout_js=checkout_js or (CHECKOUT_JS if api_url == API_URL else f"{api_url}/v1/checkout.js"),
    )
    _check_address("RAZORPAY_API_URL", made.api_url, real=API_URL, made=made)
    _check_address("RAZORPAY_CHECKOUT_JS", made.checkout_js, real=CHECKOUT_JS, made=made)
    return made


def _check_values(values: dict[str, str]) -> None:
    for name, value in values.items():
        if not value.isascii() or any(character.isspace() or not character.isprintable() for character in value):
            raise InvalidInput(f"{name} holds characters that no key has.", field=name)
    if not values["RAZORPAY_KEY_ID"].startswith((LIVE, TEST)):
        raise InvalidInput(f"RAZORPAY_KEY_ID must begin with {TEST} or {LIVE}.", field="RAZORPAY_KEY_ID")


def _check_address(name: str, url: str, *, real: str, made: RazorpayAccount) -> None:
    if url == real:
        return
    if not made.is_test:
        raise InvalidInput(f"Live keys of Razorpay are for {real} alone: unset {name}, or use test keys.", field=name)
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where the port is no number
    except ValueError as error:
        raise InvalidInput(f"{name} is not a URL: {error}.", field=name) from error
    if (
        parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.username
        or parts.password
        or parts.fragment
    ):
        raise InvalidInput(
            f"{name} must begin with https:// and name a host, without a user or a password.", field=name
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise InvalidInput(f"{name} must be https: plain http is for addresses of this machine alone.", field=name)


def _is_loopback(host: str) -> bool:
    """A literal loopback address, or the name that means one by definition."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
