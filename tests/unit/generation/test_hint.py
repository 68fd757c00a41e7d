"""The quality hint: what it asks for, and that following it helps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkase.services.features.generation.hint import quality_hint

LEVELS = ["weak", "fair", "good", "strong"]
BARE = "The voucher is applied at checkout and then the total of the whole order changes."
BETTER = (
    BARE,
    f"{BARE} A customer sees the new total.",
    f"{BARE} A customer sees the new total. It works for 30 minutes.",
    f"{BARE} A customer sees the new total. It works for 30 minutes. An expired code is refused with a message.",
)


@pytest.mark.requirement("R68")
def test_each_tip_that_is_followed_makes_the_hint_better_or_leaves_it() -> None:
    levels = [LEVELS.index(quality_hint(text).level) for text in BETTER]
    assert levels == sorted(levels)
    assert levels[-1] == LEVELS.index("strong")
    assert quality_hint(BETTER[-1]).tips == ()


@pytest.mark.parametrize("text", ["", "login", "test everything", "the page is fast"])
def test_one_line_is_weak_and_gets_at_most_three_tips(text: str) -> None:
    hint = quality_hint(text)
    assert hint.level == "weak"
    assert 1 <= len(hint.tips) <= 3


@pytest.mark.parametrize("actor", ["A shopper", "An applicant", "A tester"])
def test_whoever_acts_is_not_asked_for(actor: str) -> None:
    hint = quality_hint(BETTER[-1].replace("A customer", actor))
    assert not any("who acts" in tip for tip in hint.tips)


def test_vague_words_are_asked_about() -> None:
    hint = quality_hint(f"{BETTER[-1]} It is fast.")
    assert any("“fast”" in tip for tip in hint.tips)


@given(st.text(max_size=400))
def test_any_text_gets_a_hint(text: str) -> None:
    assert quality_hint(text).level in LEVELS
