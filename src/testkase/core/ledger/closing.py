"""Days that are over, summed up by use case, user and project: pages read as many rows as they show (decision 18).

Nothing waits for it: what is not summed up yet is read from the days themselves, in the same statement.
"""

from testkase.foundation.database import Operation, Statement

MOST_DAYS = 92
"""Of one transaction: a history of years is summed up in several."""


def close_days(org_id: int, *, most: int = MOST_DAYS) -> Operation[int]:
    """Sum up an organization's next days that are over, so many at most; how many that were. Needs no context."""
    (row,) = yield Statement("SELECT ledger.close_days(%(org_id)s, %(most)s) AS days", {"org_id": org_id, "most": most})
    return int(row["days"])


def open_days(after: int = 0, limit: int = 500) -> Operation[list[int]]:
    """Organizations with such days, in order of id. Needs no context. Crosses organizations."""
    rows = yield Statement("SELECT ledger.open_days(%(after)s, %(limit)s) AS org_id", {"after": after, "limit": limit})
    return [row["org_id"] for row in rows]
