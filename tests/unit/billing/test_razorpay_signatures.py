"""A signature is good or it is not; nothing that arrives in its place raises anything."""

import hashlib
import hmac

import pytest

from testkase.services.billing.providers.razorpay.signatures import is_checkout_signed, is_signed, sign

BODY = '{"event":"payment.captured","note":"€"}'.encode()


def test_a_signature_is_hmac_sha256_in_hex() -> None:
    assert sign("secret", BODY) == hmac.new(b"secret", BODY, hashlib.sha256).hexdigest()


@pytest.mark.requirement("R33")
def test_the_current_and_the_previous_secret_are_good() -> None:
    secrets = ("new", "old")
    assert is_signed(BODY, sign("new", BODY), secrets)
    assert is_signed(BODY, sign("old", BODY), secrets)
    assert not is_signed(BODY, sign("older", BODY), secrets)


@pytest.mark.requirement("R33")
@pytest.mark.parametrize("signature", [None, "", "a", "é" * 64, "\ud800", sign("secret", BODY).upper(), sign("", BODY)])
def test_anything_else_is_no_signature(signature: str | None) -> None:
    assert not is_signed(BODY, signature, ("secret", ""))


@pytest.mark.requirement("R33")
def test_one_changed_byte_spoils_a_signature() -> None:
    assert not is_signed(BODY + b" ", sign("secret", BODY), ("secret",))


@pytest.mark.requirement("R33")
def test_a_checkout_is_signed_over_our_order_and_its_payment() -> None:
    good = sign("secret", b"order_A|pay_B")
    assert is_checkout_signed(order_id="order_A", payment_id="pay_B", signature=good, key_secret="secret")
    assert not is_checkout_signed(order_id="order_X", payment_id="pay_B", signature=good, key_secret="secret")
    assert not is_checkout_signed(order_id="order_A", payment_id="\ud800", signature=good, key_secret="secret")
