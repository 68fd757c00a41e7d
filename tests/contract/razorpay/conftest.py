"""A simulator for each test."""

from collections.abc import Iterator

import pytest

from tests.support.razorpay import Simulated, simulated


@pytest.fixture
def sim() -> Iterator[Simulated]:
    """With the usual settings."""
    with simulated() as running:
        yield running
