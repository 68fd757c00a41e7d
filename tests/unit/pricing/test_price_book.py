"""The packaged price book says what is published, and books follow each other by date."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.terms import Tokens, price, price_ceiling
from testkase.core.pricing import (
    PriceBook,
    PriceBookError,
    PriceBooks,
    UnknownBundle,
    UnknownCurrency,
    UnknownModel,
    Validity,
    load_price_books,
)
from testkase.core.pricing.load import PACKAGED

BOOKS = load_price_books()
BOOK = BOOKS.at(datetime(2026, 11, 22, tzinfo=UTC))


def empty(version: str) -> PriceBook:
    """A book with nothing but a date."""
    return PriceBook(
        version=version,
        effective_from=datetime.fromisoformat(version).replace(tzinfo=UTC),
        monthly_allowance=0,
        charge_increment=1,
        overage_price_cents=40,
        currency="USD",
        bundles=(),
        rate_card=(),
    )


@pytest.mark.requirement("R10", "R11", "R12", "R13", "R14", "R15", "R16", "P6")
def test_the_four_bundles_are_as_published() -> None:
    table = [
        (each.name, each.price_cents, each.credits // MICRO, each.credits_per_dollar, each.savings_percent, each.badge)
        for each in BOOK.bundles
    ]
    assert table == [
        ("Starter", 1_000, 1_000, 100, None, None),
        ("Professional", 5_000, 5_500, 110, 10, "Popular"),
        ("Enterprise", 25_000, 28_000, 112, 12, None),
        ("Ultimate", 50_000, 58_000, 116, 15, None),
    ]


@pytest.mark.requirement("P6")
def test_the_true_figures_stand_beside_the_published_savings() -> None:
    figures = {bundle.key: (bundle.more_credits_percent, bundle.cheaper_percent) for bundle in BOOK.bundles}
    assert figures == {
        "starter": ("0", "0"),
        "professional": ("10", "9.1"),
        "enterprise": ("12", "10.7"),
        "ultimate": ("16", "13.8"),
    }


@pytest.mark.requirement("R5", "R17", "P1", "P2")
def test_allowance_overage_and_increment() -> None:
    assert BOOK.monthly_allowance == 300 * MICRO
    assert BOOK.overage_price_cents == 40
    assert BOOK.charge_increment == MICRO // 100
    assert BOOK.currency == "USD"


@pytest.mark.requirement("P8")
def test_prices_in_rupees_are_a_list_of_their_own_and_never_converted(tmp_path: Path) -> None:
    assert BOOK.currencies == ("USD",)
    with pytest.raises(UnknownCurrency):
        BOOK.bundle("starter").price_in("INR")
    text = (PACKAGED / "2026-11-01.toml").read_text(encoding="utf-8")
    for dollars, rupees in (("10.00", "850.00"), ("50.00", "4200.00"), ("250.00", "21000.00"), ("500.00", "42000.00")):
        text = text.replace(f'price = "{dollars}"', f'price = "{dollars}"\nprice_inr = "{rupees}"', 1)
    (tmp_path / "2026-11-01.toml").write_text(text, encoding="utf-8")
    book = load_price_books(tmp_path).books[0]
    assert book.currencies == ("USD", "INR")
    assert [book.bundle("starter").price_in(currency) for currency in book.currencies] == [1_000, 85_000]


@pytest.mark.requirement("P3", "R7")
def test_bought_credits_last_for_the_billing_month_unless_the_bundle_says_otherwise() -> None:
    assert {bundle.validity for bundle in BOOK.bundles} == {Validity(kind="billing_month")}


@pytest.mark.parametrize("book", BOOKS.books, ids=lambda book: book.version)
def test_every_packaged_row_is_priced_in_full(book: PriceBook) -> None:
    assert len(book.models()) >= 20
    for model in book.models():
        rate, terms = book.rate(model), book.terms(model)
        assert (terms.rate_card, terms.model, terms.tiers) == (book.version, model, rate.tiers)
        assert terms.charge_increment == book.charge_increment
        for tier in rate.tiers:
            assert 0 < tier.cached_input <= tier.input <= tier.cache_write
            assert tier.input <= tier.output <= tier.reasoning
        most = price_ceiling(terms, input_tokens=rate.context_window, output_tokens=rate.max_output_tokens)
        assert 0 < most < 10_000_000 * MICRO


@pytest.mark.requirement("R3", "P19")
def test_models_convert_tokens_at_different_rates() -> None:
    call = Tokens(input=10_000, output=1_000)
    assert len({price(BOOK.terms(model), call) for model in BOOK.models()}) > 10


def test_a_generation_with_the_demonstration_model_costs_about_a_credit() -> None:
    three_calls = Tokens(input=1_800, output=360)
    six_calls = Tokens(input=3_600, output=900)
    terms = BOOK.terms("testkase-demo")
    assert MICRO // 2 <= price(terms, three_calls) < price(terms, six_calls) <= 3 * MICRO


def test_an_absent_cache_rate_is_the_input_rate_and_an_absent_reasoning_rate_the_output_rate() -> None:
    tier = BOOK.rate("gemini-2.5-flash").tiers[0]
    assert tier.cache_write == tier.input
    assert tier.reasoning == tier.output


@pytest.mark.parametrize("ask", [BOOK.rate, BOOK.terms])
@pytest.mark.parametrize("model", ["", "gpt-99", "TESTKASE-DEMO", "x" * 10_000])
def test_an_unknown_model_has_no_price(ask: object, model: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        ask(model)  # type: ignore[operator]
    assert (caught.value.code, caught.value.field) == ("unknown_model", "model")
    assert len(caught.value.detail) < 250


def test_an_unknown_bundle_is_not_found() -> None:
    assert BOOK.bundle("ultimate").price_cents == 50_000
    with pytest.raises(UnknownBundle):
        BOOK.bundle("Ultimate")


def test_a_book_holds_from_midnight_of_its_date_until_the_next() -> None:
    books = PriceBooks((empty("2027-01-01"), empty("2026-11-01")))
    first, second = datetime(2026, 11, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    tick = timedelta(microseconds=1)
    assert [book.version for book in books.books] == ["2026-11-01", "2027-01-01"]
    assert books.at(first).version == books.at(second - tick).version == "2026-11-01"
    assert books.at(second).version == books.at(second + timedelta(days=9_999)).version == "2027-01-01"
    with pytest.raises(PriceBookError, match=r"No price book is in force on 2026-10-31.*2026-11-01"):
        books.at(first - tick)


def test_a_receipt_finds_the_version_it_was_priced_with() -> None:
    assert BOOKS.version(BOOK.version) is BOOK
    with pytest.raises(PriceBookError, match="no price book '1999-01-01'"):
        BOOKS.version("1999-01-01")


def test_what_a_tier_leaves_out_is_filled_in(tmp_path: Path) -> None:
    packaged = Path(load_price_books.__code__.co_filename).parent / "price_book" / "2026-11-01.toml"
    head = packaged.read_text(encoding="utf-8").split("[models.testkase-demo]")[0]
    (tmp_path / "2026-11-01.toml").write_text(
        head + '[models.m]\nprovider = "p"\ncontext_window = 10\nmax_output_tokens = 10\n'
        'rates = [{ above_input_tokens = 0, input = "1.25", output = "10.000001" }]\n',
        encoding="utf-8",
    )
    tier = load_price_books(tmp_path).books[0].rate("m").tiers[0]
    assert (tier.input, tier.cached_input, tier.cache_write) == (1_250_000,) * 3
    assert (tier.output, tier.reasoning) == (10_000_001,) * 2
