"""Where events may be sent: to public addresses over TLS, and to networks the operator named (trust.md, "Outgoing").

An endpoint's address is a customer's, and the request comes from inside the operator's network. So a name is resolved
once for each attempt, every address of it is judged, and the connection goes to one of those that were judged.
"""

import ipaddress
from collections.abc import Iterable
from urllib.parse import urlsplit

from testkase.foundation.problems import InvalidInput

LONGEST_URL = 1_000
_ELSE = "Whoever runs this installation can allow networks of their own (TESTKASE_WEBHOOK_NETWORKS)."

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
"""An IPv4 address as a translating gateway writes it (RFC 6052): it leads wherever that address does."""


def check_url(url: str, *, networks: Iterable[Network]) -> str:
    """The address an endpoint is to have. Raises InvalidInput naming the field: what is wrong, and what to do.

    Names are not resolved here, as they may lead elsewhere tomorrow: each attempt judges what they mean then.
    """
    named = tuple(networks)
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    if not host or any(not 0x20 < ord(letter) < 0x7F for letter in url) or port == 0:
        raise InvalidInput("Give the whole address, such as https://hooks.example.com/testkase.", field="url")
    if len(url) > LONGEST_URL:
        raise InvalidInput(f"An address has at most {LONGEST_URL} characters.", field="url")
    if parts.scheme != "https" and not (parts.scheme == "http" and named):
        raise InvalidInput(f"The address must begin with https://. {_ELSE}", field="url")
    if "@" in parts.netloc:
        raise InvalidInput(
            "Leave the name and the password out of the address: messages are signed instead.", field="url"
        )
    if parts.fragment or url.endswith("#"):
        raise InvalidInput("Leave out what stands behind the #: it is not sent.", field="url")
    address = literal(host)
    if address is not None and not may_reach(address, secure=parts.scheme == "https", networks=named):
        raise InvalidInput(f"Give an address that can be reached from the Internet. {_ELSE}", field="url")
    return url


def literal(host: str) -> Address | None:
    """The address where the host is written as one; None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def may_reach(address: Address, *, secure: bool, networks: Iterable[Network]) -> bool:
    """Whether something may be sent there: in the operator's networks in any case, elsewhere where the address is
    public and the connection secure."""
    if any(address in network for network in networks):
        return True
    return secure and _is_public(address)


def _is_public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address):
        if address in _TRANSLATED:
            return _is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if _leads_elsewhere(address) or address.is_site_local:
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _leads_elsewhere(address: ipaddress.IPv6Address) -> bool:
    """By a tunnel to an IPv4 address, or as only another writing of one. Versions of Python disagree about tunnels, and
    nobody receives events at the end of one."""
    return not (address.ipv4_mapped is None and address.sixtofour is None and address.teredo is None)
