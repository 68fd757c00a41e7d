"""Where webhooks may lead: a customer's address is asked from inside the operator's network."""

from ipaddress import ip_address, ip_network

import pytest

from testkase.foundation.problems import InvalidInput
from testkase.services.notifications.webhooks.addresses import check_url, may_reach

INSIDE = (ip_network("10.1.0.0/16"), ip_network("fd00:1::/64"))

NOT_PUBLIC = [
    "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.8.8.8", "169.254.169.254", "172.16.0.1", "192.0.0.1",
    "192.0.2.1", "192.168.0.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250",
    "240.0.0.1", "255.255.255.255", "::", "::1", "::10.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "64:ff9b::a00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001:db8::1", "2002:a00:1::1", "2002:7f00:1::1",
    "2002:808:808::1", "::ffff:8.8.8.8", "2001:0:4136:e378:8000:63bf:f5ff:fffe", "fc00::1", "fd00::1", "fe80::1",
    "fe80::1%eth0", "fec0::1", "ff02::1",
]  # fmt: skip
"""Of this machine, of networks, of clouds' metadata, of examples, and each of them in another writing."""
PUBLIC = ["8.8.8.8", "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "64:ff9b::808:808"]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_only_public_addresses_are_reached(address: str) -> None:
    assert not may_reach(ip_address(address), secure=True, networks=())


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_reached_over_tls_alone(address: str) -> None:
    assert may_reach(ip_address(address), secure=True, networks=())
    assert not may_reach(ip_address(address), secure=False, networks=INSIDE)


@pytest.mark.parametrize("secure", [True, False])
def test_the_operators_networks_are_reached_and_nothing_beside_them(secure: bool) -> None:
    assert may_reach(ip_address("10.1.200.3"), secure=secure, networks=INSIDE)
    assert may_reach(ip_address("fd00:1::7"), secure=secure, networks=INSIDE)
    for address in ("10.2.0.1", "127.0.0.1", "fd00:2::1", "::ffff:10.2.0.1"):
        assert not may_reach(ip_address(address), secure=secure, networks=INSIDE)


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.example.com/testkase", "https://hooks.example.com:8443/a?token=b%20c", "https://8.8.8.8/hook",
        "  https://hooks.example.com/  ", "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/",
    ],
)  # fmt: skip
def test_a_whole_address_is_taken_as_it_is(url: str) -> None:
    assert check_url(url, networks=()) == url.strip()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "whole address"), ("hooks.example.com/testkase", "whole address"), ("https:///hook", "whole address"),
        ("https://hooks.example.com:99999/", "whole address"), ("https://hooks.example.com:0/", "whole address"),
        ("https://[::1/", "whole address"), ("https://höoks.example.com/", "whole address"),
        ("https://hooks.example.com/a b", "whole address"), ("https://hooks.example.com/\r\nx: y", "whole address"),
        ("http://hooks.example.com/", "https://"), ("ftp://hooks.example.com/", "https://"),
        ("gopher://hooks.example.com/", "https://"), ("https://ada:secret@hooks.example.com/", "password"),
        ("https://allowed.example@127.0.0.1/", "password"), ("https://hooks.example.com/#part", "#"),
        ("https://127.0.0.1/", "Internet"), ("https://[::1]/", "Internet"), ("https://[::ffff:10.0.0.1]/", "Internet"),
        ("https://169.254.169.254/latest/meta-data/", "Internet"), ("https://x.example/" + "a" * 1_000, "1000"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_address_is_said(url: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as refused:
        check_url(url, networks=())
    assert refused.value.field == "url"


def test_http_is_taken_where_the_operator_named_networks() -> None:
    """Whether a name leads into them is judged at each attempt."""
    for url in ("http://10.1.0.5:9000/hook", "http://intern.example/hook", "https://10.1.0.5/hook"):
        assert check_url(url, networks=INSIDE) == url
    with pytest.raises(InvalidInput):
        check_url("http://10.2.0.5/hook", networks=INSIDE)
