"""Whether a ledger has what callers were told, and nothing they were not told."""

import psycopg

from campaigns.crash.callers import Notes
from campaigns.oracle import deviations
from testkase.core.ledger.credits import MICRO

_SUMS = """
    WITH told AS (
        SELECT kind, used, operation_id LIKE '%%:c%%' AS by_program FROM ledger.entry
        WHERE kind IN ('hold', 'settle', 'usage') AND operation_id NOT LIKE '%%:h%%'
    )
    SELECT count(*) FILTER (WHERE kind = 'hold' AND by_program), count(*) FILTER (WHERE kind = 'settle' AND by_program),
           count(*) FILTER (WHERE kind IN ('settle', 'usage') AND NOT by_program), coalesce(sum(used), 0)
    FROM told
"""
"""Callers' holds are c0-1 and so on; completions have ids the meter made; h1 and so on are somebody else's."""


def nothing_was_lost(notes: Notes, owner_url: str) -> None:
    """Raises AssertionError otherwise."""
    assert notes.faults == []
    assert notes.committed_unheard == 0
    with psycopg.connect(owner_url) as connection:
        (held, charged, completed, used) = connection.execute(_SUMS).fetchone() or ()
    assert (held, charged, completed) == (len(notes.held), len(notes.charged), len(notes.answered))
    assert used == MICRO * (sum(notes.charged.values()) + sum(notes.answered.values()))
    assert deviations(owner_url) == []
