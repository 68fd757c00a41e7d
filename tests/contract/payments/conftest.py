"""The adapter of Razorpay against servers of which a test says what they answer."""

from collections.abc import Iterator

import pytest

from testkase.services.billing.providers.razorpay.provider import RazorpayProvider
from tests.support.scripted_razorpay import Server, scripted_razorpay


@pytest.fixture
def server() -> Iterator[Server]:
    with scripted_razorpay() as running:
        yield running


@pytest.fixture
def provider(server: Server) -> RazorpayProvider:
    return RazorpayProvider(server.account(), timeout=(2.0, 0.2))
