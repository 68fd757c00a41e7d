"""Every way to break a price book, and the exact sentence that says where and what to write."""

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from testkase.core.pricing import PriceBookError, load_price_books

FILE = "2026-11-01.toml"
GOOD = """
effective_from = 2026-11-01
currency = "USD"
monthly_allowance = "300"
charge_increment = "0.01"
overage_price = "0.40"

[[bundles]]
key = "starter"
name = "Starter"
price = "10.00"
credits = "1000"
validity = "billing_month"

[[bundles]]
key = "professional"
name = "Professional"
price = "50.00"
credits = "5500"
savings_percent = 10
badge = "Popular"
validity = "never"

[[bundles]]
key = "enterprise"
name = "Enterprise"
price = "250.00"
credits = "28000"
savings_percent = 12
validity = "1 month"

[[bundles]]
key = "ultimate"
name = "Ultimate"
price = "500.00"
credits = "58000"
savings_percent = 15
validity = "12 months"

[models."m-1.5"]
provider = "openai"
context_window = 400000
max_output_tokens = 16000
rates = [
  { above_input_tokens = 0, input = "1.25", cached_input = "0.125", output = "10" },
  { above_input_tokens = 272000, input = "2.5", output = "15", reasoning = "16" },
]

[models.local]
provider = "embedded"
context_window = 8192
max_output_tokens = 2048
free = true
rates = [{ above_input_tokens = 0, input = "0", output = "0" }]
"""

BROKEN = tomllib.loads((Path(__file__).parent / "broken_price_books.toml").read_text(encoding="utf-8"))
SAYS_MORE = {"a window of nothing", "free as text"}
"""Rows whose one mistake makes other figures wrong as well."""


@pytest.fixture
def faults(tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    """The errors of a folder with one book of this text."""

    def read(text: str) -> tuple[str, ...]:
        (tmp_path / FILE).write_text(text, encoding="utf-8")
        with pytest.raises(PriceBookError) as caught:
            load_price_books(tmp_path)
        assert caught.value.code == "invalid_price_book"
        assert caught.value.detail == "\n".join(caught.value.facts["errors"])
        return tuple(caught.value.facts["errors"])

    return read


def test_the_book_the_rows_break_is_good(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(GOOD, encoding="utf-8")
    assert load_price_books(tmp_path).books[0].models() == ("local", "m-1.5")


@pytest.mark.requirement("P6")
@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_book_says_where_and_what_to_write(name: str, faults: Callable[[str], tuple[str, ...]]) -> None:
    row = BROKEN[name]
    assert row["old"] in GOOD
    errors = faults(GOOD.replace(row["old"], row["new"], 1))
    sentence = f"{FILE}: {row['says']}"
    assert sentence in errors if name in SAYS_MORE else errors == (sentence,)


def test_three_bundles_are_not_four(faults: Callable[[str], tuple[str, ...]]) -> None:
    start, end = GOOD.index('[[bundles]]\nkey = "ultimate"'), GOOD.index('[models."m-1.5"]')
    assert faults(GOOD[:start] + GOOD[end:]) == (
        f"{FILE}: bundles: there are 3 bundles; write exactly four, as the table shows them",
    )


@pytest.mark.requirement("P8")
def test_half_a_list_in_rupees_is_no_list(faults: Callable[[str], tuple[str, ...]]) -> None:
    text = GOOD.replace('price = "10.00"', 'price = "10.00"\nprice_inr = "850.00"')
    sentence = 'other bundles have one; write price_inr = "850.00", or remove them all'
    assert faults(text) == tuple(f"{FILE}: bundles[{index}].price_inr: {sentence}" for index in (1, 2, 3))


def test_all_faults_are_told_at_once(faults: Callable[[str], tuple[str, ...]]) -> None:
    text = GOOD.replace('"300"', "300").replace('"10.00"', '"ten"').replace('output = "15"', "output = 15")
    assert [error.split(": ")[1] for error in faults(text)] == [
        "monthly_allowance",
        "bundles[0].price",
        'models."m-1.5".rates[1].output',
    ]


def test_a_file_whose_editor_marks_it_as_utf_8_is_read_like_any_other(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("\ufeff" + GOOD, encoding="utf-8")
    (marked,) = load_price_books(tmp_path).books
    (tmp_path / FILE).write_text(GOOD, encoding="utf-8")
    (plain,) = load_price_books(tmp_path).books
    assert (marked.bundles, marked.models()) == (plain.bundles, plain.models())


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"currency = \xff")
    with pytest.raises(PriceBookError, match="byte 11: is not UTF-8"):
        load_price_books(tmp_path)


def test_a_file_without_a_date_for_its_name(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(PriceBookError, match=r"the file is prices.toml; rename it to 2026-11-01.toml"):
        load_price_books(tmp_path)


@pytest.mark.parametrize("folder", ["empty", "absent"])
def test_a_folder_without_books(tmp_path: Path, folder: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(PriceBookError, match="no price book found"):
        load_price_books(tmp_path / folder)


def test_drafts_are_not_loaded(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(GOOD, encoding="utf-8")
    (tmp_path / "2027-01-01.toml.draft").write_text("not finished", encoding="utf-8")
    assert [book.version for book in load_price_books(tmp_path).books] == ["2026-11-01"]


def test_one_bad_file_spoils_the_folder(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(GOOD, encoding="utf-8")
    (tmp_path / "2027-01-01.toml").write_text("", encoding="utf-8")
    with pytest.raises(PriceBookError) as caught:
        load_price_books(tmp_path)
    assert all(error.startswith("2027-01-01.toml: ") for error in caught.value.facts["errors"])
