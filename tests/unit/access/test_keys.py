"""API keys: enough randomness, told from nonsense without a query, never in a log."""

import math
import random

import pytest

from testkase.core.access import (
    DEFAULT_SCOPES,
    Scope,
    grantable_scopes,
    hash_key,
    looks_like_key,
    mint_key,
    parse_scopes,
)
from testkase.foundation.problems import InvalidInput


def test_a_minted_key_has_prefix_checksum_and_hash() -> None:
    key = mint_key()
    assert key.text.startswith("tk_live_")
    assert key.text.startswith(key.prefix)
    assert looks_like_key(key.text)
    assert hash_key(key.text) == key.hash
    assert len(key.hash) == 32


def test_what_the_table_shows_leaves_160_random_bits_unknown() -> None:
    key = mint_key()
    unknown_digits = len(key.text) - len(key.prefix) - 6
    assert unknown_digits * math.log2(62) >= 160


def test_keys_never_repeat_and_use_the_whole_alphabet() -> None:
    texts = [mint_key().text for _ in range(500)]
    assert len(set(texts)) == 500
    assert len(set("".join(text[8:42] for text in texts))) == 62


def test_the_text_stays_out_of_repr() -> None:
    key = mint_key()
    assert key.text not in repr(key)
    assert key.text[8:] not in str(key)


def test_every_single_wrong_character_is_noticed() -> None:
    text = mint_key().text
    for position in range(len(text)):
        for wrong in "0Zz_ é":
            if text[position] != wrong:
                assert not looks_like_key(text[:position] + wrong + text[position + 1 :])


def test_every_swap_of_neighbours_is_noticed() -> None:
    text = mint_key().text
    for position in range(8, len(text) - 1):
        swapped = text[:position] + text[position + 1] + text[position] + text[position + 2 :]
        assert swapped == text or not looks_like_key(swapped)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tk_live_",
        "tk_live_" + "0" * 40,
        "tk_test_" + "A" * 40,
        "Bearer tk_live_x",
        "\x00" * 48,
        "é" * 48,
        "x" * 10**6,
    ],
)
def test_nonsense_is_no_key(text: str) -> None:
    assert not looks_like_key(text)


def test_a_key_with_something_around_it_is_no_key() -> None:
    text = mint_key().text
    for wrong in (text + " ", " " + text, text + "\n", text[:-1], text + "0", text.upper(), text.swapcase()):
        assert wrong == text or not looks_like_key(wrong)


def test_random_digits_pass_the_checksum_about_never() -> None:
    dice = random.Random(1)
    alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZabcdefghijklmnopqrstuvwxyz"
    assert not any(looks_like_key("tk_live_" + "".join(dice.choices(alphabet, k=40))) for _ in range(2_000))


def test_scopes_are_read_strictly() -> None:
    assert parse_scopes(["credits:read", "models:call"]) == {Scope.CREDITS_READ, Scope.MODELS_CALL}
    with pytest.raises(InvalidInput, match="no scope 'credits:everything'"):
        parse_scopes(["credits:read", "credits:everything"])
    with pytest.raises(InvalidInput, match="at least one"):
        parse_scopes([])


def test_nobody_puts_more_on_a_key_than_they_may_do_themselves() -> None:
    assert grantable_scopes("owner") == set(Scope)
    assert set(Scope) - grantable_scopes("admin") == {Scope.BILLING_WRITE, Scope.SETTINGS_WRITE}
    assert set(Scope) - grantable_scopes("admin", purchase_roles="owner_and_admins") == {Scope.SETTINGS_WRITE}
    assert grantable_scopes("member") == set()
    assert grantable_scopes(None) == set()


def test_the_default_scopes_neither_buy_nor_configure() -> None:
    assert {"credits:read", "credits:write", "models:call"} == DEFAULT_SCOPES
