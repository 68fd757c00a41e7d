"""Which tables are directories: looked up before the organization is known, so not under row-level security."""

DIRECTORIES = frozenset({
    "membership", "api_key", "invitation", "mail_queue", "payment_route", "payment_watch", "report_watch",
    "ledger_check", "ledger_deviation", "webhook_delivery",
})  # fmt: skip
"""Tables with an org_id that are keyed by what is looked up. Every other table with an org_id is a tenant table."""
