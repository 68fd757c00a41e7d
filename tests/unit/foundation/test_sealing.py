"""Sealed secrets open for their owner, with the key, unchanged; nothing else opens them."""

import pytest

from testkase.foundation.sealing import CannotOpen, Seal

SEAL = Seal(["a key of the installation"], purpose="tests")


def test_what_is_sealed_opens_again_and_never_looks_the_same_twice() -> None:
    first, second = SEAL.close("JBSWY3DPEHPK3PXP", owner="user:1"), SEAL.close("JBSWY3DPEHPK3PXP", owner="user:1")
    assert first != second
    assert "JBSWY3DP" not in first
    assert SEAL.open(first, owner="user:1") == SEAL.open(second, owner="user:1") == "JBSWY3DPEHPK3PXP"


def test_it_opens_for_no_other_owner_key_or_purpose() -> None:
    sealed = SEAL.close("secret", owner="user:1")
    for seal, owner in (
        (SEAL, "user:2"),
        (Seal(["another key"], purpose="tests"), "user:1"),
        (Seal(["a key of the installation"], purpose="else"), "user:1"),
    ):
        with pytest.raises(CannotOpen):
            seal.open(sealed, owner=owner)


def test_a_key_that_was_replaced_still_opens_what_it_sealed() -> None:
    sealed = SEAL.close("secret", owner="user:1")
    assert Seal(["a new key", "a key of the installation"], purpose="tests").open(sealed, owner="user:1") == "secret"


@pytest.mark.parametrize("text", ["", "v1.", "v1.AAAA", "JBSWY3DPEHPK3PXP", "v2." + "A" * 60, "v1.é"])
def test_what_was_never_sealed_is_refused(text: str) -> None:
    with pytest.raises(CannotOpen):
        SEAL.open(text, owner="user:1")


def test_every_changed_letter_is_noticed() -> None:
    sealed = SEAL.close("secret", owner="user:1")
    for place in range(3, len(sealed)):
        letter = "A" if sealed[place] != "A" else "B"
        changed = sealed[:place] + letter + sealed[place + 1 :]
        if changed.rstrip("=") != sealed.rstrip("="):
            try:
                opened = SEAL.open(changed, owner="user:1")
            except CannotOpen:
                continue
            assert opened == "secret"
