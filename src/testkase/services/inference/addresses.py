"""Where prompts may be sent: over TLS, or to this very host (R69)."""

import ipaddress
from urllib.parse import urlsplit

from testkase.services.inference.problems import ProviderNotAccepted


def check_base_url(url: str, *, place: str) -> str:
    """The URL without its trailing slash. Raises ProviderNotAccepted unless it is https, or http on loopback (R69)."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where the port is no number
    except ValueError as error:
        raise ProviderNotAccepted(f"{place}: base_url {url!r} is not a URL: {error}.", field="base_url") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ProviderNotAccepted(f"{place}: base_url must begin with https:// and name a host.", field="base_url")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ProviderNotAccepted(
            f"{place}: base_url may not carry a user, a password, a query or a fragment; name the key's environment"
            " variable in api_key_env instead.",
            field="base_url",
        )
    if parts.scheme == "http" and not _is_loopback(parts.hostname):
        raise ProviderNotAccepted(
            f"{place}: base_url must be https, because prompts would cross the network unprotected. Plain http is"
            " accepted for loopback addresses only.",
            field="base_url",
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    """A literal loopback address, or the name that means one by definition; no other name is resolved or trusted."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
