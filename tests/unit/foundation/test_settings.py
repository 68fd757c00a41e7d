"""What the environment may say, and what stops the start."""

from pathlib import Path

import pytest

from testkase.foundation.problems import InvalidInput
from testkase.foundation.settings import Settings

KEYS = {"RAZORPAY_KEY_ID": "rzp_test_a", "RAZORPAY_KEY_SECRET": "hidden", "RAZORPAY_WEBHOOK_SECRET": "hidden"}
LIVE = {**KEYS, "RAZORPAY_KEY_ID": "rzp_live_a"}


def read(**environ: str) -> Settings:
    return Settings.from_environ(environ)


def test_without_keys_there_is_no_account() -> None:
    assert read(RAZORPAY_API_URL="http://127.0.0.1:9000").razorpay is None


def test_test_keys_go_to_razorpay_or_to_this_machine() -> None:
    account = read(**KEYS).razorpay
    assert account is not None
    assert account.is_test
    assert account.api_url == "https://api.razorpay.com"
    assert account.checkout_js == "https://checkout.razorpay.com/v1/checkout.js"
    assert account.previous_webhook_secret is None
    for url in ("http://127.0.0.1:9000", "http://[::1]:9000", "http://localhost:9000", "https://payments.example"):
        account = read(**KEYS, RAZORPAY_API_URL=f"{url}/").razorpay
        assert account is not None
        assert (account.api_url, account.checkout_js) == (url, f"{url}/v1/checkout.js")


def test_the_checkouts_script_may_come_from_elsewhere() -> None:
    account = read(**KEYS, RAZORPAY_CHECKOUT_JS="https://payments.example/c.js").razorpay
    assert account is not None
    assert (account.api_url, account.checkout_js) == ("https://api.razorpay.com", "https://payments.example/c.js")


def test_live_keys_are_for_razorpay_alone() -> None:
    account = read(**LIVE).razorpay
    assert account is not None
    assert not account.is_test


def test_secrets_are_not_shown() -> None:
    assert "hidden" not in repr(read(**KEYS, RAZORPAY_WEBHOOK_SECRET_PREVIOUS="hidden-before").razorpay)


@pytest.mark.parametrize(
    ("environ", "field", "words"),
    [
        ({"RAZORPAY_KEY_ID": "rzp_test_a"}, "RAZORPAY_KEY_SECRET", "SECRET and RAZORPAY_WEBHOOK_SECRET must be set"),
        ({**KEYS, "RAZORPAY_WEBHOOK_SECRET": ""}, "RAZORPAY_WEBHOOK_SECRET", "must be set too"),
        ({**KEYS, "RAZORPAY_KEY_ID": "sk_test_a"}, "RAZORPAY_KEY_ID", "must begin with rzp_test_ or rzp_live_"),
        ({**KEYS, "RAZORPAY_KEY_SECRET": "a b"}, "RAZORPAY_KEY_SECRET", "characters that no key has"),
        ({**KEYS, "RAZORPAY_API_URL": "http://payments.example"}, "RAZORPAY_API_URL", "must be https"),
        ({**KEYS, "RAZORPAY_API_URL": "http://127.0.0.1.example"}, "RAZORPAY_API_URL", "must be https"),
        ({**KEYS, "RAZORPAY_API_URL": "https://me:x@a.example"}, "RAZORPAY_API_URL", "without a user"),
        ({**KEYS, "RAZORPAY_API_URL": "http://127.0.0.1:port"}, "RAZORPAY_API_URL", "is not a URL"),
        ({**KEYS, "RAZORPAY_CHECKOUT_JS": "javascript:alert()"}, "RAZORPAY_CHECKOUT_JS", "must begin with https://"),
        (
            {**LIVE, "RAZORPAY_API_URL": "http://127.0.0.1:9000"},
            "RAZORPAY_API_URL",
            "for https://api.razorpay.com alone",
        ),
        ({**LIVE, "RAZORPAY_API_URL": "https://api.razorpay.com.example"}, "RAZORPAY_API_URL", "alone"),
        ({**LIVE, "RAZORPAY_CHECKOUT_JS": "https://evil.example/c.js"}, "RAZORPAY_CHECKOUT_JS", "alone"),
        ({"LOG_LEVEL": "LOUD"}, "LOG_LEVEL", "must be INFO or DEBUG or WARNING or ERROR, not 'LOUD'"),
        ({"TESTKASE_DEMO": "true"}, "TESTKASE_DEMO", "must be 1 or 0"),
        ({"TESTKASE_TRACES_TO_PROVIDERS": "yes"}, "TESTKASE_TRACES_TO_PROVIDERS", "must be 0 or 1"),
        ({"TESTKASE_PUBLIC_URL": "credits.example.com"}, "TESTKASE_PUBLIC_URL", "such as https://host.example"),
        ({"TESTKASE_PUBLIC_URL": "https://:8000"}, "TESTKASE_PUBLIC_URL", "such as"),
        ({"TESTKASE_EMAIL_URL": "me:hidden@mail.example:587"}, "TESTKASE_EMAIL_URL", "such as smtps://"),
        ({"TESTKASE_EMAIL_URL": "smtp://me:hidden@mail.example:port"}, "TESTKASE_EMAIL_URL", "such as"),
        ({"TESTKASE_TRACES_URL": "collector:4318"}, "TESTKASE_TRACES_URL", "such as"),
        ({"TESTKASE_BILLING_ANCHOR_DAY": "32"}, "TESTKASE_BILLING_ANCHOR_DAY", "a whole number from 1 to 31"),
        ({"TESTKASE_BILLING_TIME_ZONE": "Berlin"}, "TESTKASE_BILLING_TIME_ZONE", "such as Europe/Berlin, not 'Berlin'"),
        ({"TESTKASE_BILLING_TIME_ZONE": "../UTC"}, "TESTKASE_BILLING_TIME_ZONE", "must be an IANA time zone"),
        ({"TESTKASE_BILLING_TIME_ZONE": "right/Europe/Berlin"}, "TESTKASE_BILLING_TIME_ZONE", "such as Europe/Berlin"),
        ({"TESTKASE_BILLING_TIME_ZONE": "localtime"}, "TESTKASE_BILLING_TIME_ZONE", "such as Europe/Berlin"),
        ({"PORT": "²"}, "PORT", "must be a port number"),
        ({"PORT": "http"}, "PORT", "must be a port number"),
        ({"PORT": "70000"}, "PORT", "must be a port number"),
    ],
)
def test_what_cannot_be_meant_is_one_sentence(environ: dict[str, str], field: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(**environ)
    assert refused.value.field == field
    assert words in refused.value.detail
    assert "hidden" not in refused.value.detail
    assert "\n" not in refused.value.detail


def test_what_is_usual_is_taken_and_what_is_empty_is_unset() -> None:
    found = read(LOG_LEVEL="debug", TESTKASE_DEMO="0", TESTKASE_PUBLIC_URL="https://credits.example/")
    assert (found.log_level, found.demo, found.public_url) == ("DEBUG", False, "https://credits.example")
    empty = read(LOG_LEVEL="", TESTKASE_DEMO="", TESTKASE_PUBLIC_URL="", TESTKASE_EMAIL_URL="", HOST="::1")
    assert read(HOST="").public_url == "http://127.0.0.1:8000"
    assert (empty.log_level, empty.demo, empty.email_url, empty.public_url) == ("INFO", True, None, "http://[::1]:8000")
    assert read(TESTKASE_EMAIL_URL="smtp://me:p%40ss@mail.example:587").email_url is not None


def test_the_seller_is_a_file() -> None:
    assert read(TESTKASE_SELLER="seller.toml").seller == Path("seller.toml").absolute()
