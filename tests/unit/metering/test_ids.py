"""Ids of the holds of metered calls: a program's by its key, the product's own by its work's name."""

from testkase.entrypoints.api.fields import is_id
from testkase.services.metering.settle import bare_name, is_metered, metered_id, own_id


def test_a_key_never_makes_the_id_of_the_products_own_work() -> None:
    assert not is_id(own_id("chat-7-1").removeprefix(metered_id("")))


def test_every_hold_can_be_read_by_its_id() -> None:
    for made in (metered_id("nightly-1"), own_id("chat-7-1"), "call-7f3a"):
        assert is_id(bare_name(made))
    assert not is_id(bare_name(metered_id("")))
    assert is_metered(own_id("chat-7-1"))
