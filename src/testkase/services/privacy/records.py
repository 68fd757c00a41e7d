"""What metering, billing and audit store, read from the database's own catalogue: fields, types and meanings (P16)."""

import msgspec

from testkase.foundation.database import Operation, Statement

GROUPS: dict[str, tuple[str, ...]] = {
    "Each AI interaction": (
        "ledger.usage", "ledger.usage_day", "ledger.usage_part_day", "ledger.usage_part_period", "ledger.usage_closed",
    ),
    "The journal of credits": ("ledger.entry", "ledger.operation", "ledger.lot", "ledger.account", "ledger.open_hold"),
    "Budgets and pauses": ("ledger.budget", "ledger.pause", "budget_request", "guard_setting"),
    "Models and their quality levels": ("quality_setting", "model_failure"),
    "Who did what": ("activity", "activity_head"),
    "Buying and receipts": (
        "purchase", "payment", "payment_refund", "payment_dispute", "overage_bill", "receipt", "billing_setting",
        "payment_route", "payment_watch",
    ),
    "Alerts and notifications": (
        "notification", "mail_queue", "alert", "alert_watch", "alert_dismissal", "webhook_endpoint", "webhook_secret",
        "webhook_event", "webhook_delivery",
    ),
    "Privacy": ("retention", "erasure", "erased_person", "organization_export"),
}  # fmt: skip
"""Tables of records, in words. None of them holds a prompt or an answer."""

_FIELDS = """
SELECT c.oid::regclass::text AS "table", a.attname AS name,
       CASE format_type(a.atttypid, NULL)
            WHEN 'text' THEN 'text' WHEN 'boolean' THEN 'yes or no' WHEN 'bytea' THEN 'hash' WHEN 'jsonb' THEN 'facts'
            WHEN 'timestamp with time zone' THEN 'instant' WHEN 'date' THEN 'day' WHEN 'bigint[]' THEN 'whole numbers'
            WHEN 'bigint' THEN 'whole number' WHEN 'integer' THEN 'whole number' WHEN 'smallint' THEN 'whole number'
            ELSE format_type(a.atttypid, NULL) END AS type,
       coalesce(col_description(a.attrelid, a.attnum), '') AS meaning
FROM unnest(%(tables)s::text[]) WITH ORDINALITY AS wanted (name, place)
JOIN pg_class AS c ON c.oid = to_regclass(wanted.name)
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY wanted.place, a.attnum
"""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A stored field. `meaning` is the comment it has in the database."""

    table: str
    name: str
    type: str
    meaning: str


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """Fields that belong together, for people."""

    name: str
    fields: list[Field]


def stored_fields() -> Operation[list[Group]]:
    """Every field of every table of records, by group. Needs no organization: it reads the catalogue alone."""
    names = [table for tables in GROUPS.values() for table in tables]
    rows = yield Statement(_FIELDS, {"tables": names})
    fields = [Field(**row) for row in rows]
    return [
        Group(name=name, fields=[field for field in fields if field.table in tables and field.name != "org_id"])
        for name, tables in GROUPS.items()
    ]
