"""What goes into an export: one query a file. Content that features declare joins by itself."""

from dataclasses import dataclass
from typing import LiteralString, cast

from testkase.services.privacy.registry import CONTENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A pair of files, `name`.jsonl and `name`.csv. `sql` answers rows as JSON text, in order, for %(org_id)s;
    `without` are columns left out."""

    name: str
    about: str
    sql: LiteralString
    without: tuple[str, ...] = ()


_WHOLE = "SELECT row_to_json(t)::text FROM <table> AS t WHERE t.org_id = %(org_id)s ORDER BY <order>"
_MEMBERS: LiteralString = """
SELECT row_to_json(t)::text FROM (
    SELECT u.id AS user_id, u.ref, u.email, u.display_name AS name, m.role, m.joined_at
    FROM membership AS m JOIN app_user AS u ON u.id = m.user_id WHERE m.org_id = %(org_id)s ORDER BY u.id
) AS t
"""

_RECEIPTS: LiteralString = """
SELECT (r.document::jsonb - 'ordered_by')::text FROM receipt AS r WHERE r.org_id = %(org_id)s
ORDER BY r.issued_at, r.number
"""
_MONEY_BACK: LiteralString = """
SELECT row_to_json(t)::text FROM (
    SELECT 'refund' AS kind, refund_id AS id, payment_id, status, amount, currency, counted_as,
           to_timestamp(created_at) AS at
    FROM payment_refund WHERE org_id = %(org_id)s
    UNION ALL
    SELECT 'dispute', dispute_id, payment_id, status, amount, currency, counted_as, to_timestamp(created_at)
    FROM payment_dispute WHERE org_id = %(org_id)s
    ORDER BY at, id
) AS t
"""


def _table(table: LiteralString, order: str, about: str, *without: str) -> Source:
    sql = _WHOLE.replace("<table>", table).replace("<order>", order)
    return Source(
        name=table.rpartition(".")[2], about=about, sql=cast(LiteralString, sql), without=("org_id", *without)
    )  # fmt: skip


def sources() -> tuple[Source, ...]:
    """All of them, in the order in which they stand in the file."""
    content = tuple(
        _table(table.name, ", ".join(table.key) or "org_id", one.name, *table.not_exported)
        for one in CONTENT
        if one.kind != "passing" and not one.private
        for table in one.tables
    )
    return (
        _table("project", "project_id", "Projects"),
        Source(name="members", about="Members, with the ids that other files name people by", sql=_MEMBERS),
        _table("project_member", "project_id, user_id", "Who works in which project"),
        *content,
        _table("ledger.usage", "at, seq", "Every AI interaction, with tokens, rate card and charge", "terms"),
        _table("purchase", "created_at, purchase_id", "Purchases of credits"),
        _table("overage_bill", "period_number", "Bills for use beyond the balance"),
        Source(name="receipt", about="Receipts, without the name of who ordered", sql=_RECEIPTS),
        Source(name="money_back", about="Refunds and disputes of payments", sql=_MONEY_BACK),
        _table("activity", "seq", "Every change of money, people, settings and keys"),
    )
