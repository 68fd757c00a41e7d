"""What the forecast says in words, and the cheapest bundle for a gap."""

from typing import Any

import pytest

from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.forecast import Forecast
from testkase.core.pricing import load_price_books
from testkase.core.pricing.cover import cheapest
from testkase.entrypoints.web.outlook.words import Outlook
from testkase.services.notifications.words import rounded

BUNDLES = load_price_books(None).books[0].bundles


def told(low: int | None, likely: int | None, high: int | None, **more: Any) -> Outlook:
    facts = {"resets_in": 8, "need_low": 40 * MICRO, "need_likely": 48 * MICRO, "need_high": 61_200_000, "short": 0,
             "short_high": 0, "weeks": 6} | more  # fmt: skip
    return Outlook(found=Forecast(low=low, likely=likely, high=high, **facts), spendable=MICRO)


@pytest.mark.requirement("B7")
@pytest.mark.parametrize(
    ("ends", "state", "says"),
    [
        ((None, None, None), "good", "At this pace the credits last past the reset in 8 days."),
        ((5, None, None), "maybe", "most likely last until the reset in 8 days, but may run out in 5 days."),
        ((0, None, None), "maybe", "but may run out today."),
        ((3, 5, None), "short", "last about 5 days, perhaps 3 days only; they reset in 8 days."),
        ((5, 5, None), "short", "run out in 5 days; they reset in 8 days."),
        ((4, 5, 7), "short", "last 4 to 7 days; they reset in 8 days."),
        ((4, 4, 4), "short", "run out in 4 days; they reset in 8 days."),
        ((1, 1, 1), "short", "run out tomorrow; they reset in 8 days."),
        ((0, 1, 2), "short", "last at most 2 days; they reset in 8 days."),
        ((0, 0, 0), "short", "run out today; they reset in 8 days."),
    ],
)
def test_every_forecast_is_one_plain_sentence(ends: tuple[int | None, ...], state: str, says: str) -> None:
    outlook = told(*ends)
    assert outlook.state == state
    assert outlook.sentence.endswith(says)


def test_what_cannot_be_known_and_what_is_gone_is_said_as_it_is() -> None:
    assert "two whole weeks" in Outlook(found=None, spendable=MICRO).sentence
    found = told(0, 0, 0).found
    assert Outlook(found=found, spendable=0).sentence == "The credits are used up; they reset in 8 days."


@pytest.mark.requirement("B7", "P10")
def test_what_is_owed_comes_before_all_use_and_is_missing_too() -> None:
    found = told(0, 0, 0, short=500 * MICRO).found
    owing = Outlook(found=found, spendable=0, debt=800 * MICRO)
    assert owing.sentence == "AI rests until the 800.00 credits that are owed are covered."
    assert (owing.state, owing.gap) == ("short", "1,300")
    assert Outlook(found=told(None, None, None).found, spendable=900 * MICRO, debt=800 * MICRO).missing == 0
    assert Outlook(found=None, spendable=0, debt=MICRO).sentence.startswith("AI rests until the 1.00 credits")


def test_the_bar_ends_where_the_reset_is() -> None:
    for ends in ((None, None, None), (3, None, None), (3, 5, 7), (3, 5, None), (0, 0, 0)):
        outlook = told(*ends)
        assert outlook.sure + outlook.open <= outlook.width == 80
    assert (told(3, 5, None).sure, told(3, 5, None).open) == (30, 50)


@pytest.mark.requirement("B7")
@pytest.mark.parametrize(
    ("gap", "count", "key", "price"),
    [
        (1, 1, "starter", "$10"),
        (1_000 * MICRO, 1, "starter", "$10"),
        (1_000 * MICRO + 1, 2, "starter", "$20"),
        (4_500 * MICRO, 1, "professional", "$50"),
        (27_500 * MICRO, 1, "enterprise", "$250"),
        (116_000 * MICRO, 2, "ultimate", "$1,000"),
    ],
)
def test_a_gap_is_covered_for_the_least_money(gap: int, count: int, key: str, price: str) -> None:
    cover = cheapest(BUNDLES, gap)
    assert (cover.count, cover.bundle.key, cover.price) == (count, key, price)
    assert cover.credits >= gap


@pytest.mark.parametrize(
    ("amount", "says"), [(0, "0.00"), (1, "0.01"), (1_230_000, "1.23"), (10 * MICRO, "10"), (1_234_000_001, "1,235")]
)
def test_a_forecast_does_not_promise_hundredths(amount: int, says: str) -> None:
    assert rounded(amount) == says


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [(2_170_000, 15_100_000, "3 to 16 credits"), (2_170_000, 9_500_000, "2.17 to 9.50 credits"),
     (0, 12 * MICRO, "0 to 12 credits"), (15_100_000, 15_900_000, "16 credits")],
)  # fmt: skip
def test_both_ends_of_a_range_are_written_alike(low: int, high: int, says: str) -> None:
    assert told(None, None, None, need_low=low, need_high=high).need == says
