"""The books, looked at by a superuser with plain SQL that shares nothing with the product's own rules.

Every query answers the organizations where an invariant does not hold; all of them must be empty. The product's own
`verify` is asked beside them: the two must never disagree.
"""

from typing import Any, LiteralString

import psycopg
from psycopg.rows import scalar_row

from testkase.core.ledger.verify import verify
from testkase.foundation.database import run, tenant

_DEVIATIONS: dict[str, LiteralString] = {
    "I1 lines sum to zero": """
        SELECT DISTINCT org_id FROM ledger.entry
        WHERE issued + available + held + used + expired + reversed + overage + debt <> 0
    """,
    "I2 balances are the sums of entries": """
        SELECT a.org_id FROM ledger.account AS a
        LEFT JOIN (
            SELECT org_id, sum(available) AS available, sum(held) AS held, -sum(debt) AS debt,
                   -sum(overage) AS overage, count(*) AS entries, max(seq) AS last
            FROM ledger.entry GROUP BY org_id
        ) AS e USING (org_id)
        WHERE (a.available, a.held, a.debt, a.overage, a.last_seq)
              IS DISTINCT FROM (e.available, e.held, e.debt, e.overage, e.last)
           OR e.entries <> e.last
    """,
    "I2 balances are what is left in lots": """
        SELECT a.org_id FROM ledger.account AS a
        LEFT JOIN (
            SELECT org_id, sum(available) AS available, sum(held) AS held FROM ledger.lot GROUP BY org_id
        ) AS l USING (org_id)
        WHERE (a.available, a.held) <> (coalesce(l.available, 0), coalesce(l.held, 0))
    """,
    "I3 open holds are what is held": """
        SELECT a.org_id FROM ledger.account AS a
        LEFT JOIN (SELECT org_id, sum(amount) AS amount FROM ledger.open_hold GROUP BY org_id) AS h USING (org_id)
        WHERE a.held <> coalesce(h.amount, 0)
    """,
    "I5 one effect for one id": """
        SELECT DISTINCT org_id FROM ledger.entry GROUP BY org_id, operation_id HAVING count(*) > 1
    """,
    "I5 each id leads to its entry": """
        SELECT DISTINCT org_id FROM ledger.entry AS e
        FULL JOIN ledger.operation AS o USING (org_id, operation_id, seq, at)
        WHERE e.hash IS NULL OR o.org_id IS NULL
    """,
    "I7 a hold is open or resolved, once": """
        SELECT h.org_id FROM ledger.open_hold AS h
        JOIN ledger.entry AS e ON e.org_id = h.org_id AND e.operation_id = 'resolution:' || h.hold_id
    """,
    "I10 never below zero": """
        SELECT org_id FROM ledger.account WHERE available < 0 OR held < 0
        UNION SELECT org_id FROM ledger.entry WHERE available_after < 0 OR held_after < 0
    """,
    "P10 what is owed is debt, was covered or was forgiven": """
        SELECT a.org_id FROM ledger.account AS a
        WHERE a.debt + a.covered
            + (SELECT coalesce(sum(CASE WHEN e.kind = 'write_off' THEN e.debt
                                        WHEN e.issued > 0 THEN -e.issued ELSE 0 END), 0)
               FROM ledger.entry AS e WHERE e.org_id = a.org_id)
            <> (SELECT coalesce(sum(greatest(l.clawed - l.available - l.reversed - l.expired, 0)), 0)
                FROM ledger.lot AS l WHERE l.org_id = a.org_id)
    """,
    "P10 a lot keeps of a refund what it can, and all it has in a dispute": """
        SELECT l.org_id FROM ledger.lot AS l
        WHERE (l.frozen AND l.available > 0) OR (l.clawed > l.reversed AND l.available > 0)
    """,
    "I11 usage is what entries charged": """
        SELECT e.org_id FROM ledger.entry AS e FULL JOIN ledger.usage AS u USING (org_id, seq)
        WHERE coalesce(e.used, 0) <> coalesce(u.charged, 0)
    """,
    "B8 budgets hold what the open holds in their scope hold": """
        SELECT b.org_id FROM ledger.budget AS b
        LEFT JOIN ledger.open_hold AS h ON h.org_id = b.org_id
            AND h.use_case = coalesce(b.use_case, h.use_case) AND h.user_ref = coalesce(b.user_ref, h.user_ref)
            AND (b.project_ref IS NULL OR h.project_ref = b.project_ref)
        GROUP BY b.org_id, b.budget_id, b.held HAVING b.held <> coalesce(sum(h.amount), 0)
    """,
    "B8 budgets have used what was charged in their scope and period": """
        SELECT b.org_id FROM ledger.budget AS b
        LEFT JOIN ledger.usage AS u ON u.org_id = b.org_id AND u.at >= b.period_start
            AND u.use_case = coalesce(b.use_case, u.use_case) AND u.user_ref = coalesce(b.user_ref, u.user_ref)
            AND (b.project_ref IS NULL OR u.project_ref = b.project_ref)
        GROUP BY b.org_id, b.budget_id, b.used HAVING b.used <> coalesce(sum(u.charged), 0)
    """,
    "running balances follow from one entry to the next": """
        SELECT org_id FROM (
            SELECT org_id, available_after, held_after,
                   sum(available) OVER journal AS available, sum(held) OVER journal AS held
            FROM ledger.entry WINDOW journal AS (PARTITION BY org_id ORDER BY seq)
        ) AS walked
        WHERE (available_after, held_after) <> (available, held)
    """,
}


def deviations(owner_url: str) -> list[str]:
    """Everything wrong with the books of every organization."""
    found: list[str] = []
    with psycopg.connect(owner_url) as connection:
        for invariant, query in _DEVIATIONS.items():
            organizations = connection.cursor(row_factory=scalar_row).execute(query).fetchall()
            found += [f"{invariant}: organization {org_id}" for org_id in organizations]
        for org_id in _all(connection, "SELECT org_id FROM ledger.account"):
            cursor = connection.cursor()
            cursor.execute(tenant(org_id).sql, tenant(org_id).params)
            found += [
                f"verify {each.invariant} at {each.seq}: {each.found}" for each in run(connection, verify(org_id))
            ]
    return found


def _all(connection: psycopg.Connection[Any], query: LiteralString) -> list[int]:
    return connection.cursor(row_factory=scalar_row).execute(query).fetchall()
