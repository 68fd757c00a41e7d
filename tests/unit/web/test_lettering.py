"""What documents can write they write; what they cannot gives way to a reference, never to boxes."""

import pytest

from testkase.entrypoints.web.statements.lettering import can_write, written


@pytest.mark.parametrize("name", ["Ada Łukasiewicz", "Компания Ромашка", "Ελλάδα", "₹4,200.00", "Straße 1"])
def test_western_greek_and_cyrillic_letters_and_rupees_are_written(name: str) -> None:
    assert written(name, "reference") == name
    assert can_write(name)


@pytest.mark.parametrize("name", ["परीक्षण", "测试", "שלום"])
def test_letters_nobody_here_can_set_give_way_to_the_reference(name: str) -> None:
    assert written(name, "northwind") == "northwind"
    assert not can_write(f"Ada {name}")
    assert set(written(name, "")) == {"?"}
