"""How alike two test cases are called."""

from testkase.services.features.generation.twins import TWIN_PERCENT, likeness
from testkase.services.workspace.model import CaseContent, Step


def case(title: str, *actions: str) -> CaseContent:
    return CaseContent(title=title, steps=tuple(Step(action=action) for action in actions))


LOCKED = case("Locked after five attempts", "Open the sign-in page", "Enter a wrong password five times", "Try again")


def test_the_same_words_are_alike_whatever_their_case_and_punctuation() -> None:
    shouted = case(
        "LOCKED, after five attempts!", "open the sign-in page.", "Enter a WRONG password five times.", "try AGAIN"
    )
    assert likeness(LOCKED, shouted) == 100


def test_one_changed_word_leaves_a_twin_and_another_subject_does_not() -> None:
    changed = case(
        "Locked after six attempts", "Open the sign-in page", "Enter a wrong password five times", "Try again"
    )
    other = case("Voucher refused", "Open the cart", "Enter an expired voucher", "Press apply")
    assert TWIN_PERCENT <= likeness(LOCKED, changed) < 100
    assert likeness(LOCKED, other) < 20


def test_letters_of_other_alphabets_count() -> None:
    assert likeness(case("登录锁定", "输入密码"), case("登录锁定", "输入密码")) == 100
    assert likeness(case("登录锁定", "输入密码"), case("优惠券", "打开购物车")) == 0
