"""The alert of use beyond the balance (P7): its cap is nearly reached, or reached, and from then on calls are refused.

A call is refused as soon as what is left does not cover the most it can cost, so people are told before nothing is
left: once at a twentieth of the cap and once at its end, in each billing month and under each cap. Quiet while AI is
off, while a debt stops it, and while the balance lasts. What is lent to calls under way is not used yet: most of it
comes back.
"""

from testkase.core.ledger.outlook import own_credits
from testkase.core.ledger.queries import balance
from testkase.foundation.database import Operation, Statement
from testkase.services.billing.settings import billing_settings
from testkase.services.notifications.telling import notify
from testkase.services.notifications.thresholds import LEAST_CHARGE, is_low
from testkase.services.notifications.watching import SQL, Stand
from testkase.services.notifications.words import cap_is_near

_LOW_PARTS = 20


def tell_of_cap(org_id: int, stand: Stand) -> Operation[None]:
    """Look at how much of the cap is left. Needs the organization's context and the lock of its watch
    (`watch_organization` in the same transaction)."""
    if not stand.watch.ai_on:
        return
    account = yield from balance(org_id)
    if not account.overage_limit or account.debt or account.due:
        return
    left = max(0, account.overage_limit - account.overage_used)
    if not is_low(own_credits(account), 0) or left * _LOW_PARTS > account.overage_limit:
        return
    settings = yield from billing_settings(org_id)
    words = cap_is_near(account, left if left >= LEAST_CHARGE else 0, cap_cents=settings.overage_cap_cents)
    if (yield from notify(org_id, words)):  # who had put the banner away was told there that AI goes on
        yield Statement(SQL["alerted"], {"org_id": org_id, "seq": stand.watch.seq})
