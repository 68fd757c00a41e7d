"""May whoever asks buy? Read live, inside the transaction that begins the purchase (R36, R37, R39)."""

from testkase.foundation.database import Operation
from testkase.services.billing.keys import maker_of
from testkase.services.billing.settings import billing_settings


def key_may_buy(org_id: int, key_id: str) -> Operation[None]:
    """A key buys as whoever made it may: its scope alone is not enough. Raises MayNotBuy."""
    maker = yield from maker_of(org_id, key_id)
    settings = yield from billing_settings(org_id)
    settings.check_may_buy(maker.role)
