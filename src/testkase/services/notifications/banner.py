"""The banner on every page while credits are low: for everyone in the organization, until they have put it away."""

from dataclasses import dataclass

from testkase.core.ledger.outlook import own_credits
from testkase.core.ledger.queries import Balance
from testkase.foundation.database import Operation, Statement
from testkase.services.notifications.thresholds import is_low
from testkase.services.notifications.watching import SQL, current_stand


@dataclass(frozen=True, slots=True, kw_only=True)
class LowCredits:
    """What the banner speaks of: the lowest threshold fallen to, and the balance as it is. Amounts in micro-credits.
    `seq`: the alert that a person dismisses with it."""

    threshold: int
    level: int
    seq: int


def low_credits(account: Balance, user_id: int) -> Operation[LowCredits | None]:
    """None while nothing is low, while AI is off, and after this person dismissed the latest alert. Judged by the
    balance of now: bought credits take the banner away at once. Needs the organization's tenant context."""
    if not account.ai_enabled:
        return None
    stand = yield from current_stand(account.org_id)
    level = own_credits(account)
    low = [threshold for threshold in stand.watch.crossed if is_low(level, threshold)] if stand else []
    if stand is None or not low:
        return None
    rows = yield Statement(SQL["dismissed"], {"org_id": account.org_id, "user_id": user_id})
    if rows and rows[0]["seq"] >= stand.watch.crossed_seq:
        return None
    return LowCredits(threshold=min(low), level=level, seq=stand.watch.crossed_seq)


def dismiss(org_id: int, user_id: int, seq: int) -> Operation[None]:
    """Put the banner away until another alert. `seq` is what the banner spoke of; an older one changes nothing, a newer
    one than there is counts as the latest."""
    stand = yield from current_stand(org_id)
    latest = stand.watch.crossed_seq if stand else 0
    yield Statement(SQL["dismiss"], {"org_id": org_id, "user_id": user_id, "seq": min(seq, latest)})
