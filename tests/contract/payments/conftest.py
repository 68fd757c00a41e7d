"""The adapter of Razorpay against servers of which a test says what they answer."""

from collections.abc import Iterator

import pytest

from testkase.services.billing.providers.razorpay.provider import RazorpayProvider
from tests.support.scripted_razorpay import Server, scripted_razorpay

TIMEOUT = (10.0, 1.5)
"""As short as can be without taking a busy machine for a silent server."""


@pytest.fixture
def server() -> Iterator[Server]:
    with scripted_razorpay() as running:
        yield running


@pytest.fixture
def provider(server: Server) -> RazorpayProvider:
    return RazorpayProvider(server.account(), timeout=TIMEOUT)
