"""A simulator for all tests of a file, empty at the start of each."""

from collections.abc import Iterator

import pytest

from tests.support.razorpay import Simulated, simulated


@pytest.fixture(scope="module")
def kept_running() -> Iterator[Simulated]:
    with simulated() as running:
        yield running


@pytest.fixture
def sim(kept_running: Simulated) -> Simulated:
    """With the usual settings, no records, no faults, and a shop that takes every webhook."""
    kept_running.sim("reset")
    kept_running.shop.received.clear()
    kept_running.shop.answer = lambda _: 200
    return kept_running
