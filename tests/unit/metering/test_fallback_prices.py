"""Which model is no dearer than another, whatever the size of the prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from testkase.core.ledger.terms import Rates, Terms, Tokens, price
from testkase.services.inference import ProviderError, ProviderTimeout, StreamCut
from testkase.services.metering.attempts import may_ask_another, no_dearer


def terms(*tiers: tuple[int, ...]) -> Terms:
    rates = tuple(Rates(**dict(zip(Rates.__struct_fields__, tier, strict=True))) for tier in tiers)
    return Terms(rate_card="x", model="m", tiers=rates, charge_increment=10_000)


FLAT = terms((0, 100, 10, 125, 400, 400))


@pytest.mark.parametrize(
    ("other", "size", "allowed"),
    [
        (FLAT, 1_000, True),
        (terms((0, 99, 9, 1, 1, 1)), 1_000, True),
        (terms((0, 1, 11, 1, 1, 1)), 1_000, False),
        (terms((0, 1, 1, 1, 1, 401)), 1_000, False),
        (terms((0, 100, 10, 125, 400, 400), (1_000, 200, 10, 125, 400, 400)), 1_000, True),
        (terms((0, 100, 10, 125, 400, 400), (1_000, 200, 10, 125, 400, 400)), 1_001, False),
        (terms((0, 101, 10, 125, 400, 400), (1_000, 50, 10, 125, 400, 400)), 5_000, False),
        (terms((0, 1, 1, 1, 1, 1), (1_000, 101, 1, 1, 1, 1), (2_000, 1, 1, 1, 1, 1)), 5_000, False),
        (replace(FLAT, charge_increment=10_001), 1_000, False),
    ],
)
def test_every_kind_of_token_counts_in_every_tier_a_prompt_can_reach(other: Terms, size: int, allowed: bool) -> None:
    assert no_dearer(other, FLAT, size) is allowed


_TIER = st.tuples(*[st.integers(200, 700)] * 5)
_LOWER = st.tuples(*[st.integers(0, 300)] * 5)


@pytest.mark.requirement("P17")
@given(_TIER, _TIER, _LOWER, _LOWER, st.integers(1, 3_000), st.integers(0, 10**6), st.data())
def test_what_is_allowed_never_costs_more(
    a: tuple[int, ...],
    b: tuple[int, ...],
    c: tuple[int, ...],
    d: tuple[int, ...],
    size: int,
    out: int,
    data: st.DataObject,
) -> None:
    own, other = terms((0, *a), (1_000, *b)), terms((0, *c), (2_000, *d))
    if not no_dearer(other, own, size):
        return
    read = data.draw(st.integers(0, size))
    cached = data.draw(st.integers(0, read))
    used = Tokens(input=read - cached, cached_input=cached, output=out)
    assert price(other, used) <= price(own, used)


@pytest.mark.parametrize(
    ("error", "another"),
    [
        (ProviderError("cannot be reached"), True),
        (ProviderTimeout("silent"), True),
        (StreamCut("cut", status=200), True),
        *[(ProviderError("no", status=status), True) for status in (401, 402, 403, 404, 408, 409, 429, 500, 503, 529)],
        *[(ProviderError("no", status=status), False) for status in (400, 413, 422)],
    ],
)
def test_only_what_is_the_providers_fault_is_taken_elsewhere(error: ProviderError, another: bool) -> None:
    assert may_ask_another(error) is another
