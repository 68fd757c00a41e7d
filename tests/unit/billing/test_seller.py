"""Who sells, as an operator writes it down."""

from pathlib import Path

import pytest

from testkase.foundation.problems import InvalidInput
from testkase.services.billing.seller import Seller, Tax, load_seller

GOOD = """
name = "Acme Testing GmbH"
address = ["Torstraße 1", "10119 Berlin", "Germany"]
email = "billing@acme.example"
tax_id = "DE123456789"

[[taxes]]
name = "VAT"
percent = "19"

[[taxes]]
name = "Levy"
percent = "7.5"
"""


def written(folder: Path, text: str) -> Path:
    file = folder / "seller.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_file_testkase_sells_without_a_tax() -> None:
    assert load_seller(None) == Seller(name="TestKase", taxes=())


def test_a_complete_file_is_read(tmp_path: Path) -> None:
    seller = load_seller(written(tmp_path, GOOD))
    assert seller == Seller(
        name="Acme Testing GmbH", address=("Torstraße 1", "10119 Berlin", "Germany"), email="billing@acme.example",
        tax_id="DE123456789", taxes=(Tax(name="VAT", basis_points=1_900), Tax(name="Levy", basis_points=750)),
    )  # fmt: skip
    assert [tax.percent for tax in seller.taxes] == ["19", "7.5"]
    assert load_seller(written(tmp_path, "\ufeff" + GOOD)) == seller


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "Acme Testing GmbH"', "", "name"),
        ('name = "Acme Testing GmbH"', f'name = "{"x" * 121}"', "name: is longer than 120 characters"),
        ('"billing@acme.example"', f'"{"x" * 121}"', "email: is longer than 120 characters"),
        ('"DE123456789"', f'"{"1" * 121}"', "tax_id: is longer than 120 characters"),
        ('["Torstraße 1", "10119 Berlin", "Germany"]', '"Torstraße 1"', "must be a list of lines"),
        ('["Torstraße 1", "10119 Berlin", "Germany"]', str(["x"] * 7), "has more than 6 lines"),
        ('percent = "19"', "percent = 19", "percent"),
        ('percent = "19"', 'percent = "0"', "percent"),
        ('percent = "19"', 'percent = "100"', "percent"),
        ('percent = "19"', 'percent = "19"\nrate = "1"', "rate"),
        ('tax_id = "DE123456789"', 'vat_id = "DE123456789"', "vat_id"),
        ('email = "billing@acme.example"', "email = ", "seller.toml"),
        ('email = "billing@acme.example"', "email = " + "9" * 5_000, "seller.toml"),
        ('email = "billing@acme.example"', "email = " + "[" * 5_000, "seller.toml"),
    ],
)
def test_what_cannot_stand_on_a_receipt_is_said_at_the_start(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(InvalidInput) as refused:
        load_seller(written(tmp_path, GOOD.replace(old, new)))
    assert refused.value.field == "TESTKASE_SELLER"
    assert says in refused.value.detail


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    faulty = GOOD.replace('"DE123456789"', "7").replace('percent = "7.5"', 'percent = "many"')
    with pytest.raises(InvalidInput) as refused:
        load_seller(written(tmp_path, faulty))
    assert ("tax_id" in refused.value.detail, "taxes[1].percent" in refused.value.detail) == (True, True)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"none\.toml"):
        load_seller(tmp_path / "none.toml")
