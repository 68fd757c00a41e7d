"""Text as it may be kept."""

import pytest

from testkase.foundation.text import in_one_line, is_printable, visible


@pytest.mark.parametrize("text", ["", " ", "\n", "\u200b", "\u200b \u2060", "\u00a0", "\u202e", "\x00", "\ufeff"])
def test_what_nobody_could_see_is_nothing(text: str) -> None:
    assert in_one_line(text) == ""


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("a\x00b", "ab"),
        ("  Web \n shop ", "Web shop"),
        ("Web \u202epohs\u202c, \u2067x\u2069", "Web pohs, x"),
    ],
)
def test_a_line_is_kept_without_what_would_change_those_around_it(text: str, kept: str) -> None:
    assert in_one_line(text) == kept


@pytest.mark.parametrize("text", ["مرحبا", "שלום", "\U0001f469\u200d\U0001f680", "\U0001f600", "ﬁ", "-"])
def test_every_script_and_every_picture_is_kept_as_it_is(text: str) -> None:
    assert in_one_line(text) == text


@pytest.mark.parametrize("text", ["می\u200cخواهم", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "plain, £5"])
def test_what_joins_letters_is_printable(text: str) -> None:
    assert is_printable(text)


@pytest.mark.parametrize("text", ["a\x00b", "a\nb", "a\u202eb", "a\x1bb"])
def test_control_characters_are_not(text: str) -> None:
    assert not is_printable(text)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("\u202eecila", "\\u202eecila"),
        ("a\u2067b\u2069", "a\\u2067b\\u2069"),
        ("\u200b", "\\u200b"),
        ("\u00a0\u2060", "\\u00a0\\u2060"),
        ("محمد \u200f5", "محمد \u200f5"),
        ("\U0001f469\u200d\U0001f680 =1+1", "\U0001f469\u200d\U0001f680 =1+1"),
        ("", ""),
    ],
)
def test_what_programs_name_somebody_by_is_seen_as_it_is(given: str, shown: str) -> None:
    assert visible(given) == shown
