"""Which provider an installation buys through."""

from testkase.foundation.settings import Settings
from testkase.services.billing.providers.choose import provider_from

KEYS = {"RAZORPAY_KEY_ID": "rzp_live_a", "RAZORPAY_KEY_SECRET": "b", "RAZORPAY_WEBHOOK_SECRET": "c"}


def test_without_keys_buying_is_not_set_up() -> None:
    assert provider_from(Settings.from_environ({})) is None


def test_with_keys_it_is_razorpay() -> None:
    provider = provider_from(Settings.from_environ(KEYS))
    assert provider is not None
    assert (provider.name, provider.key_id, provider.is_test) == ("razorpay", "rzp_live_a", False)


def test_an_installation_knows_its_orders_by_its_secret_and_does_not_tell_it() -> None:
    marks = []
    for secret in ("one", "one", "another"):
        provider = provider_from(Settings.from_environ({**KEYS, "TESTKASE_SECRET_KEY": secret}))
        assert provider is not None
        assert secret not in provider.installation
        marks.append(provider.installation)
    assert marks[0] == marks[1] != marks[2]
