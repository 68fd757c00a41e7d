"""The balance as it stands now: what time has made due is posted before it is read."""

from testkase.core.ledger import operations, queries
from testkase.core.ledger.commands import Touch
from testkase.core.ledger.queries import Balance
from testkase.foundation.database import Operation


def current_balance(org_id: int) -> Operation[Balance]:
    """Reads the balance; where a period or a lot has ended meanwhile, lets the ledger post that first (R8)."""
    found = yield from queries.balance(org_id)
    if found.due:
        yield from operations.execute_one(Touch(org_id=org_id))
        found = yield from queries.balance(org_id)
    return found
